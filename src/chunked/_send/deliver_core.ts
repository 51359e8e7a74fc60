/**
 * Delivery over core NATS: confirmed by the credit of receivers, or unconfirmed.
 *
 * @module
 */
import type { Msg, NatsConnection } from "@nats-io/nats-core";
import { inboxOf, watchConnection } from "../../_connection.ts";
import { CreditSender } from "../../_credit/sender.ts";
import { CreditHeader, parseCredit, toAsk } from "../../_credit/wire.ts";
import { withDeadline } from "../../_deadline.ts";
import { countGarbage } from "../../_garbage.ts";
import { lend } from "../../_lent.ts";
import { hasName } from "../../_retry.ts";
import { Wakeup } from "../../_wakeup.ts";
import { ConnectionClosedError, NoProgressError, ReceiverError } from "../../errors.ts";
import type { ChunkFeed, Delivery, DeliveryReport } from "./delivery.ts";

const TAKEN = "its id is taken: a receiver has chunks of it that this call did not send, and ";
const NO_DIGEST = "without a digest nobody can tell whether they are the same";
const NOT_SEEKABLE = "a source that is read once only cannot be compared with them beforehand";

/** Sends with credit: resolves once every receiver that took chunk 0 has said `complete`. */
export async function deliverConfirmed(
  nc: NatsConnection,
  delivery: Delivery,
): Promise<DeliveryReport> {
  const { subject, feed, signal } = delivery;
  const resumed = delivery.resumedAt !== undefined;
  // A source that cannot be read again is compared while it is sent.
  if (resumed && feed.isSeekable) await feed.readUpTo(delivery.resumedAt);
  const sender = new CreditSender({
    chunkCount: feed.chunkCount,
    sizeOf: (index) => feed.sizeOf(index),
    window: delivery.window,
    timeout: delivery.timeout,
    restartable: feed.isSeekable,
    resumed,
  }, performance.now());
  const wakeup = new Wakeup();
  const confirmations = new Confirmations(delivery, sender);
  let failure: Error | undefined;
  const fail = (error: Error): void => {
    failure ??= error;
    wakeup.ring();
  };
  const ahead = new ReadAhead(feed, wakeup.ring, fail);

  const reply = inboxOf(nc);
  const credits = nc.subscribe(reply, {
    callback: (error, message) => {
      if (error) return fail(error);
      try {
        onReply(message, sender, feed.uploadId);
      } catch {
        return; // headers that the client cannot decode: a stranger's message
      }
      wakeup.ring();
    },
  });
  const unwatch = watchConnection(nc, {
    onDisconnect: () => sender.onDisconnect(),
    onReconnect: () => (sender.onReconnect(), wakeup.ring()),
    onError: (error) => isAbout(error, subject) && fail(error),
    onClose: () => fail(new ConnectionClosedError()),
  });
  signal?.addEventListener("abort", wakeup.ring);
  try {
    for (;;) {
      signal?.throwIfAborted();
      if (failure) throw failure;
      const action = sender.next(performance.now(), ahead.isReady);
      if (action.type === "fail") {
        throw new ReceiverError(action.failure.reason, action.failure.message);
      }
      if (action.type === "send" && sender.hasForeign && !resumed) {
        await ahead.idle();
        const why = feed.isSeekable ? NO_DIGEST : NOT_SEEKABLE;
        if (!await feed.hashAll()) throw new ReceiverError("taken", TAKEN + why);
      }
      confirmations.report();
      if (action.type === "done") break;
      if (action.type === "wait") {
        await wakeup.wait(action.until - performance.now());
        continue;
      }
      const { data, headers } = action.type === "ask"
        ? { data: undefined, headers: toAsk(feed.describe(), action.ask) }
        : await feed.read(action.index);
      headers.set(CreditHeader.credit, "1");
      if (nc.isClosed()) throw new ConnectionClosedError();
      nc.publish(subject, data && lend(data), { headers, reply });
      if (data) countGarbage(data.length);
      if (action.type === "send") delivery.onSent(action.index);
    }
    // Receivers may have had more than was sent here; the payload is compared, and its digest told, as a whole.
    await ahead.idle();
    if (failure) throw failure;
    await feed.readUpTo(feed.chunkCount);
    return { confirmed: true, warnings: [] };
  } finally {
    signal?.removeEventListener("abort", wakeup.ring);
    unwatch();
    if (!nc.isClosed()) credits.unsubscribe();
  }
}

/**
 * Sends as a version-1 sender does, without asking for anything: it only waits for the server to have read each window.
 * A connection that drops meanwhile is an error, because what was published then is lost.
 */
export async function deliverUnconfirmed(
  nc: NatsConnection,
  delivery: Delivery,
): Promise<DeliveryReport> {
  const { subject, feed, timeout, signal } = delivery;
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => {}); // it may come when nobody waits any more
  const lost = (): void =>
    failed.reject(new Error("the connection was lost, and with it some of the chunks"));
  const unwatch = watchConnection(nc, {
    onDisconnect: lost,
    onClose: () => failed.reject(new ConnectionClosedError()),
    onError: (error) => isAbout(error, subject) && failed.reject(error),
  });
  const flushed = (): Promise<void> =>
    withDeadline(Promise.race([nc.flush(), failed.promise]), {
      timeout,
      signal,
      onTimeout: () => new NoProgressError("flushing the chunks to the server", timeout),
    });
  try {
    let unflushed = 0;
    for (let index = 0; index < feed.chunkCount; index++) {
      signal?.throwIfAborted();
      if (unflushed > 0 && unflushed + feed.sizeOf(index) > delivery.window) {
        await flushed();
        unflushed = 0;
      }
      const { data, headers } = await feed.read(index);
      if (nc.isClosed()) throw new ConnectionClosedError();
      nc.publish(subject, lend(data), { headers });
      countGarbage(data.length);
      unflushed += data.length;
      delivery.onSent(index);
    }
    await flushed();
    // The server refuses before it answers the flush, but the client tells of it a turn of the event loop later.
    await Promise.race([failed.promise, new Promise((resolve) => setTimeout(resolve, 0))]);
  } finally {
    unwatch();
  }
  return { confirmed: false, warnings: ["delivery is unconfirmed: nobody said what arrived"] };
}

/** An answer on the reply subject: a credit, the server's "no responders", or a stream's PubAck. */
function onReply(message: Msg, sender: CreditSender, uploadId: string): void {
  if (message.headers?.code === 503) return sender.onNoResponders();
  const credit = parseCredit(message.headers);
  if (credit) {
    if (credit.uploadId === uploadId) sender.onCredit(credit, performance.now());
    return;
  }
  const stream = storedBy(message);
  if (stream !== undefined) sender.onStored(stream);
}

/** The stream that a PubAck names, if the message is one. */
function storedBy(message: Msg): string | undefined {
  try {
    const { stream } = message.json<{ stream?: unknown }>();
    return typeof stream === "string" ? stream : undefined;
  } catch {
    return undefined; // a stranger's message
  }
}

/** Whether the server refused the publishing of chunks. */
function isAbout(error: Error, subject: string): boolean {
  const { operation, subject: denied } = error as { operation?: string; subject?: string };
  return hasName(error, "PermissionViolationError") && operation === "publish" &&
    denied === subject;
}

/** Tells of each chunk once, in the order of their indices as far as possible, and lets go of it. */
class Confirmations {
  readonly #delivery: Delivery;
  readonly #sender: CreditSender;
  readonly #keeps: boolean;
  #next = 0;

  constructor(delivery: Delivery, sender: CreditSender) {
    this.#delivery = delivery;
    this.#sender = sender;
    this.#keeps = delivery.feed.keep();
  }

  report(): void {
    const { feed } = this.#delivery;
    while (this.#next < feed.chunkCount && this.#sender.isConfirmed(this.#next)) {
      this.#delivery.onConfirmed(this.#next++);
    }
    if (!this.#keeps) return;
    const isOwn = this.#delivery.resumedAt === undefined && !this.#sender.hasForeign;
    feed.release(this.#sender.settled, isOwn);
  }
}

/** Reads a chunk while the loop goes on asking and listening: a slow source must not look like a dead sender. */
class ReadAhead {
  readonly #feed: ChunkFeed;
  readonly #onReady: () => void;
  readonly #onError: (error: Error) => void;
  #loading: Promise<void> | undefined;

  constructor(feed: ChunkFeed, onReady: () => void, onError: (error: Error) => void) {
    this.#feed = feed;
    this.#onReady = onReady;
    this.#onError = onError;
  }

  /** Whether the chunk can be had without waiting; otherwise it is being read from now on. */
  readonly isReady = (index: number): boolean => {
    if (this.#feed.isAtHand(index)) return true;
    this.#loading ??= this.#load(index);
    return false;
  };

  async #load(index: number): Promise<void> {
    try {
      await this.#feed.load(index);
    } catch (error) {
      this.#onError(error as Error);
    }
    this.#loading = undefined;
    this.#onReady();
  }

  /** Resolves when nothing is being read. */
  async idle(): Promise<void> {
    await this.#loading;
  }
}
