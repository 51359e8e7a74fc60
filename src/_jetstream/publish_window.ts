/**
 * Publishing to a stream with many messages under way: bounded, retried, deduplicated.
 *
 * @module
 */
import type { JetStreamClient, JetStreamPublishOptions, PubAck } from "@nats-io/jetstream";
import { errors, type MsgHdrs, type NatsConnection } from "@nats-io/nats-core";
import { Budget } from "../_budget.ts";
import { countGarbage } from "../_garbage.ts";
import { lend } from "../_lent.ts";
import { retryDelay } from "../_retry.ts";
import { NoProgressError } from "../errors.ts";
import { CongestionWindow } from "./_congestion_window.ts";
import { closedError, isCongestion, isPassing, plainError, sessionOf } from "./_trouble.ts";
import { connectionOf } from "./connection_of.ts";

/** One message for a stream. */
export interface StreamMessage {
  /** A subject that a stream captures. */
  readonly subject: string;
  /** The bytes; they must not change until the acknowledgement has come. */
  readonly data: Uint8Array;
  /** The headers; the message id is added to them. */
  readonly headers?: MsgHdrs | undefined;
  /** The `Nats-Msg-Id`, which every repeat carries too, so that the stream stores the message once. */
  readonly msgId?: string | undefined;
}

/** What a {@linkcode PublishWindow} is bounded by. */
export interface PublishWindowOptions {
  /** Bytes that may be sent and not yet acknowledged; one message alone may be bigger. */
  readonly window: number;
  /** The longest time in milliseconds without any acknowledgement while one is waited for. */
  readonly timeout: number;
  /** Ends everything with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Told of every acknowledgement, and how often the message was sent until it came. What it throws is a failure. */
export type AckListener = (ack: PubAck, attempts: number) => void;

/** What the smallest messages count for, in bytes, so that they do not flood the stream's queue by number. */
const LEAST_WEIGHT = 512;
/** How long an acknowledgement is waited for at first, in ms, before the message is sent again; longer if they are slow. */
const ACK_WAIT = 5_000;
/** How long an acknowledgement still counts that comes after its message was sent again, in ms. */
const LATE_ACK_WAIT = 60_000;
/** How often the connection and the progress are looked at, in ms. */
const WATCH_INTERVAL = 250;
/** Longer waits do without a timer of their own until so much is left, in ms: almost all end long before. */
const TIMED_WAIT = 4 * WATCH_INTERVAL;
/** How long a failure waits for what is still under way, in ms; an abort is in more of a hurry. */
const SETTLE_WAIT = 5_000;
const SETTLE_WAIT_ABORTED = 1_000;

/**
 * A bounded window of unacknowledged publishes.
 *
 * Lost acknowledgements, elections, a full ingest queue (429) and reconnects are overcome by sending again with the
 * same message id; the window shrinks meanwhile and grows back. The first failure stops the window for good: nothing
 * more is sent, what is under way settles, and then every call rejects with it.
 */
export class PublishWindow {
  readonly #js: JetStreamClient;
  readonly #nc: NatsConnection;
  readonly #timeout: number;
  readonly #signal: AbortSignal | undefined;
  /** What is in memory: sent or to be sent again. */
  readonly #held: Budget;
  /** What is on its way now. */
  readonly #flight: CongestionWindow;
  readonly #stop = new AbortController();
  /** One per message that is not acknowledged yet; rung when its loop should look again. */
  readonly #bells = new Set<Bell>();
  readonly #idleWaiters: (() => void)[] = [];
  #failure: { error: unknown } | undefined;
  #lastTrouble: unknown;
  #progressAt = 0;
  #roundTrip = 0;
  #watching: ReturnType<typeof setInterval> | undefined;
  #settling: ReturnType<typeof setTimeout> | undefined;
  #abandoned = false;
  #subject = "";
  #session: string | undefined;

  /**
   * @param js Where to publish, and over which connection.
   * @param options The bounds.
   * @throws {TypeError} if `js` does not give its connection.
   */
  constructor(js: JetStreamClient, { window, timeout, signal }: PublishWindowOptions) {
    this.#js = js;
    this.#nc = connectionOf(js);
    this.#timeout = timeout;
    this.#signal = signal;
    this.#held = new Budget(window);
    this.#flight = new CongestionWindow(window);
  }

  /** Bytes that may be under way at the moment: the configured window, or less while the server has trouble. */
  get size(): number {
    return this.#flight.size;
  }

  /**
   * Waits for room, then publishes.
   *
   * @param message What to publish.
   * @param onAck Called when it is stored.
   * @returns Resolves when the message is on its way.
   * @throws The first failure, after what is under way has settled.
   */
  async send(message: StreamMessage, onAck?: AckListener): Promise<void> {
    const weight = Math.max(message.data.length, LEAST_WEIGHT);
    if (this.#signal?.aborted) this.fail(this.#signal.reason);
    try {
      await this.#held.acquire(weight, this.#stop.signal);
      await this.#begin(message, weight, onAck);
    } catch (error) {
      this.fail(error);
      await this.settled();
    }
  }

  /**
   * Resolves when everything that was sent is stored.
   *
   * @throws The first failure, after what is under way has settled.
   */
  async settled(): Promise<void> {
    if (this.#bells.size > 0 && !this.#abandoned) {
      await new Promise<void>((resolve) => this.#idleWaiters.push(resolve));
    }
    if (this.#failure) throw this.#failure.error;
  }

  /** Stops the window because of something outside it; without effect if it has failed before. */
  fail(error: unknown): void {
    if (this.#failure) return;
    this.#failure = { error };
    this.#stop.abort(error);
    this.#ringAll();
    if (this.#bells.size === 0) return;
    const wait = this.#signal?.aborted ? SETTLE_WAIT_ABORTED : SETTLE_WAIT;
    this.#settling = setTimeout(() => {
      this.#abandoned = true;
      this.#stopWatching();
    }, wait);
  }

  /** Publishes for the first time and leaves the rest to a loop of its own. */
  async #begin(message: StreamMessage, weight: number, onAck?: AckListener): Promise<void> {
    const ticket = await this.#flight.enter(weight, this.#stop.signal);
    const bell = new Bell();
    this.#subject = message.subject;
    if (this.#bells.size === 0) this.#startWatching();
    this.#bells.add(bell);
    this.#deliver(message, weight, ticket, bell, onAck)
      .catch((error) => this.fail(error))
      .finally(() => {
        this.#held.release(weight);
        this.#bells.delete(bell);
        if (this.#bells.size === 0) this.#stopWatching();
      });
  }

  /** Sends one message until it is acknowledged, or the window fails. */
  async #deliver(
    message: StreamMessage,
    weight: number,
    ticket: number,
    bell: Bell,
    onAck: AckListener | undefined,
  ): Promise<void> {
    let ack: PubAck | undefined;
    for (let attempt = 1;; attempt++) {
      this.#noteSession();
      const session = this.#session;
      const sentAt = performance.now();
      const until = sentAt + this.#ackWait(attempt);
      let trouble: unknown;
      if (!ack) {
        this.#publish(message).then((answer) => {
          // One for an earlier attempt is as good: on a slow link a late answer must not pass for a lost message.
          ack ??= answer;
          this.#onProgress(performance.now() - sentAt);
          bell.ring();
        }, (error) => {
          trouble = error;
          bell.ring();
        });
      }
      const isOver = (): boolean => !!ack || !!trouble || session !== this.#session;
      await waitUntil(until, bell, isOver);

      if (ack) {
        this.#flight.leave(weight);
        this.#flight.onArrival(weight);
        return onAck?.(ack, attempt);
      }
      trouble ??= session === this.#session
        ? new errors.TimeoutError()
        : new errors.ConnectionError("the connection was lost before the answer came");
      if (isCongestion(trouble)) this.#flight.onLoss(ticket, weight);
      this.#flight.leave(weight);
      if (this.#failure) return;
      if (!isPassing(trouble)) throw plainError(trouble, this.#nc);
      this.#lastTrouble = trouble;

      const again = performance.now() + retryDelay(attempt);
      await waitUntil(again, bell, () => !!ack || !!this.#failure);
      ticket = await this.#flight.enter(weight, this.#stop.signal);
    }
  }

  async #publish({ subject, data, headers, msgId }: StreamMessage): Promise<PubAck> {
    const options: Partial<JetStreamPublishOptions> = {
      retries: 1,
      timeout: Math.min(this.#timeout, LATE_ACK_WAIT),
    };
    if (headers) options.headers = headers;
    if (msgId !== undefined) options.msgID = msgId;
    countGarbage(data.length);
    return await this.#js.publish(subject, lend(data), options);
  }

  /** How long attempt `attempt` waits for its answer: several round trips, doubling, and not past the timeout. */
  #ackWait(attempt: number): number {
    const first = Math.max(Math.min(ACK_WAIT, this.#timeout / 4), 4 * this.#roundTrip);
    const wait = first * 2 ** (attempt - 1);
    const left = this.#progressAt + this.#timeout - performance.now();
    return Math.min(wait, LATE_ACK_WAIT, Math.max(left, WATCH_INTERVAL));
  }

  #onProgress(roundTrip: number): void {
    this.#progressAt = performance.now();
    this.#roundTrip = this.#roundTrip ? (7 * this.#roundTrip + roundTrip) / 8 : roundTrip;
  }

  #startWatching(): void {
    this.#progressAt = performance.now();
    this.#signal?.addEventListener("abort", this.#onAbort, { once: true });
    this.#watching = setInterval(this.#look, Math.min(WATCH_INTERVAL, this.#timeout));
  }

  #stopWatching(): void {
    this.#signal?.removeEventListener("abort", this.#onAbort);
    clearInterval(this.#watching);
    clearTimeout(this.#settling);
    for (const wake of this.#idleWaiters.splice(0)) wake();
  }

  readonly #onAbort = (): void => this.fail(this.#signal!.reason);

  readonly #look = (): void => {
    if (this.#nc.isClosed()) return this.fail(closedError(this.#lastTrouble));
    this.#noteSession();
    const now = performance.now();
    for (const bell of this.#bells) if (bell.until - now <= TIMED_WAIT) bell.ring();
    if (now - this.#progressAt < this.#timeout) return;
    const action = `publishing to ${JSON.stringify(this.#subject)}`;
    this.fail(new NoProgressError(action, this.#timeout, { cause: this.#lastTrouble }));
  };

  /** After a reconnect, what was sent before it will not be answered any more: it need not wait to be sent again. */
  #noteSession(): void {
    const session = sessionOf(this.#nc);
    if (session === undefined || session === this.#session) return;
    this.#session = session;
    this.#ringAll();
  }

  #ringAll(): void {
    for (const bell of this.#bells) bell.ring();
  }
}

/** Waits for the moment `until`; at every ring it looks whether `isOver`. */
async function waitUntil(until: number, bell: Bell, isOver: () => boolean): Promise<void> {
  while (!isOver() && until > performance.now()) await bell.wait(until);
}

/** A latch that one message waits on. While its moment is far, the window has to ring: a timer a message costs too much. */
class Bell {
  /** When the wait that is under way, or was the last, ends. */
  until = Infinity;
  #rung = false;
  #wake: (() => void) | undefined;

  /** Ends the wait, or the next one if nobody waits now. */
  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  async wait(until: number): Promise<void> {
    this.until = until;
    if (!this.#rung) {
      const left = until - performance.now();
      let timer: ReturnType<typeof setTimeout> | undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        if (left <= TIMED_WAIT) timer = setTimeout(resolve, left);
      });
      if (timer !== undefined) clearTimeout(timer);
      this.#wake = undefined;
    }
    this.#rung = false;
  }
}
