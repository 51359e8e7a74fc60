/**
 * `receiveChunked` over core NATS: the subscription, and the end of the receiver.
 *
 * @module
 */
import type { NatsConnection, Subscription } from "@nats-io/nats-core";
import { nameClosed, watchConnection } from "../../_connection.ts";
import { withDeadline } from "../../_deadline.ts";
import { loadSha256 } from "../../_digest.ts";
import { inboundBudget } from "../../_lifecycle.ts";
import type { UploadHandler } from "../../_upload.ts";
import { ConnectionClosedError, NoProgressError } from "../../errors.ts";
import { type ChunkedReceiver, stopTimeout } from "../chunked_receiver.ts";
import { cleanUp } from "./clean_up.ts";
import { CoreReception } from "./core_reception.ts";
import type { CheckedReceiveOptions, SubjectSource } from "../receive_options.ts";
import { systemTimers } from "../_intake/timers.ts";

/** How long the server may take to confirm the subscription. */
const SUBSCRIBE_TIMEOUT_MS = 30_000;

/** Subscribes, and resolves when the server knows of it. */
export async function receiveFromSubject(
  { nc, subject, queue }: SubjectSource,
  handler: UploadHandler,
  options: CheckedReceiveOptions,
): Promise<ChunkedReceiver> {
  const receiver = await startReceiver(handler, options, nc);
  try {
    const subscription = nc.subscribe(subject, {
      ...(queue !== undefined && { queue }),
      callback: (error, message) => {
        if (error) receiver.fail(error);
        else receiver.reception.push(message);
      },
    });
    receiver.attach(subscription);
    // Nobody else has it, so that it ends only with the connection, or with the receiver.
    void subscription.closed.then(() => receiver.fail(new ConnectionClosedError()));
    await withDeadline(Promise.race([nc.flush(), receiver.closed]), {
      timeout: SUBSCRIBE_TIMEOUT_MS,
      signal: options.signal,
      onTimeout: () => new NoProgressError(`subscribing to ${subject}`, SUBSCRIBE_TIMEOUT_MS),
    });
    // The server refuses before it answers the flush, but the client tells of it a turn of the event loop later.
    await new Promise((resolve) => setTimeout(resolve, 0));
    options.signal?.throwIfAborted();
    if (receiver.failure) throw receiver.failure;
    return receiver;
  } catch (error) {
    const named = nameClosed(error) as Error;
    receiver.fail(named);
    throw named;
  }
}

/** Takes the messages of a subscription until it ends. */
export async function receiveFromSubscription(
  subscription: Subscription,
  handler: UploadHandler,
  options: CheckedReceiveOptions,
): Promise<ChunkedReceiver> {
  const receiver = await startReceiver(handler, options, options.connection);
  receiver.attach(subscription);
  const run = async (): Promise<void> => {
    try {
      for await (const message of subscription) receiver.reception.push(message);
      // A connection that is being closed ends its subscriptions first, and says so a moment later.
      await new Promise((resolve) => setTimeout(resolve, 0));
      receiver.onEnd();
    } catch (error) {
      receiver.fail(nameClosed(error) as Error);
    }
  };
  void run();
  return receiver;
}

async function startReceiver(
  handler: UploadHandler,
  options: CheckedReceiveOptions,
  nc: NatsConnection | undefined,
): Promise<CoreReceiver> {
  options.signal?.throwIfAborted();
  if (nc?.isClosed()) throw new ConnectionClosedError();
  const startHash = await loadSha256();
  const world = { startHash, inbound: inboundBudget(nc), timers: systemTimers };
  return new CoreReceiver(new CoreReception(handler, options, world), options.signal, nc);
}

/** The handle. */
class CoreReceiver implements ChunkedReceiver {
  readonly reception: CoreReception;
  readonly closed: Promise<void>;
  /** What ended it, at once; {@linkcode CoreReceiver.closed} tells of it once everything is cleaned up. */
  failure: Error | undefined;
  readonly #closed = Promise.withResolvers<void>();
  readonly #quiet = Promise.withResolvers<void>();
  readonly #signal: AbortSignal | undefined;
  readonly #nc: NatsConnection | undefined;
  readonly #unwatch: () => void;
  #subscription: Subscription | undefined;
  #isStopping = false;
  #closing: Promise<void> | undefined;

  constructor(
    reception: CoreReception,
    signal: AbortSignal | undefined,
    nc: NatsConnection | undefined,
  ) {
    this.reception = reception;
    this.closed = this.#closed.promise;
    this.closed.catch(() => {}); // whoever awaits it hears of it
    this.#signal = signal;
    this.#nc = nc;
    const onClose = (): void => this.fail(new ConnectionClosedError());
    this.#unwatch = nc ? watchConnection(nc, { onClose }) : () => {};
    signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** The subscription that ends with the receiver. */
  attach(subscription: Subscription): void {
    this.#subscription = subscription;
  }

  /** Receiving has ended with an error: everything is given up. */
  fail(error: Error): void {
    this.failure ??= error;
    void this.#close(error);
  }

  /** Nothing comes any more; what is whole may still end well. */
  onEnd(): void {
    if (this.#closing) return;
    if (this.#nc?.isClosed()) return this.fail(new ConnectionClosedError());
    this.#leave();
    this.reception.abandonUnfinished();
    void this.#quiet.promise.then(() => this.#close());
  }

  async stop(options?: { timeout?: number }): Promise<void> {
    const timeout = stopTimeout(options);
    this.#leave();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => void (timer = setTimeout(resolve, timeout)));
    await Promise.race([this.#quiet.promise, late]);
    clearTimeout(timer);
    await this.#close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #onAbort = (): void => void this.#close();

  #leave(): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.reception.leave();
    this.reception.onQuiet = this.#quiet.resolve;
    if (this.reception.isQuiet) this.#quiet.resolve();
  }

  #close(error?: Error): Promise<void> {
    return this.#closing ??= this.#cleanUp(error);
  }

  async #cleanUp(error: Error | undefined): Promise<void> {
    this.#leave();
    this.reception.close();
    this.#unwatch();
    this.#signal?.removeEventListener("abort", this.#onAbort);
    try {
      this.#subscription?.unsubscribe();
    } catch {
      // The connection is closed, and the subscription has ended with it.
    }
    const nc = this.#nc;
    const last = nc && !nc.isClosed() ? nc.flush() : undefined;
    await cleanUp([last, this.reception.settled()]);
    if (error) this.#closed.reject(error);
    else this.#closed.resolve();
  }
}
