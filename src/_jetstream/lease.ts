/**
 * The right to work on a message, kept alive until it is settled, and settled with the server's word for it.
 *
 * @module
 */
import type { NatsConnection } from "@nats-io/nats-core";
import { hasName, retryDelay } from "../_retry.ts";
import { Wakeup } from "../_wakeup.ts";

const WORKING = "+WPI";
/** The longest wait for one answer to a keep-alive or an acknowledgement, in milliseconds. */
const ANSWER_WAIT = 2_000;
/** Held messages are kept alive, and acknowledged, so many at once; then others have their turn. */
const SLICE = 1_000;

/** How a message is settled. Delays are in milliseconds. */
export type Settlement =
  | { readonly type: "ack" }
  | { readonly type: "nak"; readonly delay: number }
  | { readonly type: "term"; readonly reason: string };

/** The bounds of a lease. */
export interface LeaseOptions {
  /** How long the server waits before it delivers the message to somebody else, in milliseconds. */
  readonly ackWait: number;
  /** Called once, when the server could not be told in time: somebody else may have the message now. */
  readonly onLost: () => void;
}

/**
 * A message that is worked on, and others that go with it. Every third of the ack wait the server is told so, as a
 * request that it answers. Acknowledgements carry no fence: one whose keep-alive was not confirmed for
 * the whole ack wait settles nothing any more.
 */
export class Lease {
  readonly #nc: NatsConnection;
  readonly #ackWait: number;
  readonly #onLost: () => void;
  readonly #held = new Map<number, string>();
  #ack: string;
  #confirmedAt = performance.now();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #ended = false;
  #lost = false;

  /** Begins to keep alive the message that `ack` acknowledges. */
  constructor(nc: NatsConnection, ack: string, { ackWait, onLost }: LeaseOptions) {
    this.#nc = nc;
    this.#ack = ack;
    this.#ackWait = ackWait;
    this.#onLost = onLost;
    this.#schedule();
  }

  /** Whether the message may be somebody else's. */
  get isLost(): boolean {
    if (!this.#lost && !this.#ended && performance.now() - this.#confirmedAt >= this.#ackWait) {
      this.#lose();
    }
    return this.#lost;
  }

  /** How many messages go with it. */
  get heldCount(): number {
    return this.#held.size;
  }

  /** Keeps another message alive too. Only its sequence and its ack subject stay in memory. */
  hold(sequence: number, ack: string): void {
    this.#held.set(sequence, ack);
  }

  /** The message was delivered again, to here. */
  renew(ack: string): void {
    if (this.#ended) return;
    this.#ack = ack;
    this.#confirmedAt = performance.now();
  }

  /** Lets go without a word: the server finds out by itself. */
  drop(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
  }

  /**
   * Settles the message, asks again until the server confirms it, and then settles those that go with it.
   *
   * @returns Whether it is confirmed; `false` when the ack wait was over first, or the lease was lost before.
   */
  async settle(settlement: Settlement): Promise<boolean> {
    if (this.isLost || this.#ended) return false;
    const payload = payloadOf(settlement);
    clearTimeout(this.#timer);
    for (let attempt = 1;; attempt++) {
      const left = this.#confirmedAt + this.#ackWait - performance.now();
      if (left <= 0) {
        this.drop();
        return false;
      }
      try {
        await this.#request(payload, Math.min(left, ANSWER_WAIT));
        break;
      } catch (error) {
        if (this.#nc.isClosed() || hasName(error, "PermissionViolationError")) {
          this.drop();
          return false;
        }
        await new Wakeup().wait(Math.min(retryDelay(attempt), Math.max(0, left)));
      }
    }
    this.drop();
    // What gets lost of these comes again, to whoever finds that their ticket is settled.
    await this.#settleHeld(payload).catch(() => {});
    return true;
  }

  #schedule(): void {
    this.#timer = setTimeout(() => void this.#keepAlive(), this.#ackWait / 3);
  }

  async #keepAlive(): Promise<void> {
    if (this.isLost || this.#ended) return;
    const askedAt = performance.now();
    try {
      await this.#tellHeld(WORKING);
      await this.#request(WORKING, Math.min(this.#ackWait / 3, ANSWER_WAIT));
      this.#confirmedAt = Math.max(this.#confirmedAt, askedAt);
    } catch {
      // It is asked again until the ack wait is over.
    }
    if (this.isLost || this.#ended) return;
    const isLate = this.#confirmedAt < askedAt;
    if (isLate) this.#timer = setTimeout(() => void this.#keepAlive(), this.#ackWait / 20);
    else this.#schedule();
  }

  #lose(): void {
    this.#lost = true;
    this.drop();
    this.#onLost();
  }

  async #tellHeld(payload: string): Promise<void> {
    let told = 0;
    for (const ack of this.#held.values()) {
      this.#nc.publish(ack, payload);
      if (++told % SLICE === 0) await this.#nc.flush();
    }
  }

  /** The server deals with them in order: its answer to the last one is one for all. */
  async #settleHeld(payload: string): Promise<void> {
    const last = [...this.#held.values()].at(-1);
    if (last === undefined) return;
    await this.#tellHeld(payload);
    await this.#nc.request(last, payload, { timeout: ANSWER_WAIT });
  }

  async #request(payload: string, timeout: number): Promise<void> {
    await this.#nc.request(this.#ack, payload, { timeout: Math.max(1, timeout) });
  }
}

/** Settles one message without asking for confirmation. */
export function settle(nc: NatsConnection, ack: string, settlement: Settlement): void {
  if (!nc.isClosed()) nc.publish(ack, payloadOf(settlement));
}

function payloadOf(settlement: Settlement): string {
  switch (settlement.type) {
    case "ack":
      return "+ACK";
    case "nak": {
      const delay = Math.round(settlement.delay) * 1e6; // nanoseconds
      return delay > 0 ? `-NAK ${JSON.stringify({ delay })}` : "-NAK";
    }
    case "term":
      return `+TERM ${settlement.reason.slice(0, 256)}`;
  }
}
