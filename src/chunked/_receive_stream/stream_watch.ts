/**
 * Whether a consumer delivers everything to this receiver, or some of it to others, or nowhere.
 *
 * @module
 */
import type { Delivery } from "../../_jetstream/delivery.ts";
import { findConsumer } from "../../_jetstream/describe_consumer.ts";
import type { StreamWorld } from "./stream_world.ts";

/** A consumer that gives nothing for so long is asked whether it has given what is waited for, in milliseconds. */
const QUIET_MS = 2_000;
const ASK_AGAIN_MS = 5_000;

/**
 * A consumer counts its deliveries, so one that did not come here shows. Without that, an upload that waits would have to
 * look through the stream to be sure; where a thousand arrive at the same time on one subject, that would be a thousand
 * times their bytes.
 */
export class DeliveryWatch {
  readonly #world: StreamWorld;
  #last = 0;
  #deliveredAt = performance.now();
  #leftOutAt = -Infinity;
  /** From this sequence on, every message came here when it was delivered first. */
  #seenFrom = Infinity;
  /** When the newest message was stored, of those that came. */
  #newest = 0;
  /** The server's clock less ours, or a little less than that. */
  #lead = -Infinity;
  #askedAt = -Infinity;

  constructor(world: StreamWorld) {
    this.#world = world;
  }

  /** A message came. */
  note({ consumerSequence, deliveryCount, sequence, storedAt }: Delivery): void {
    this.#deliveredAt = performance.now();
    if (this.#last > 0 && consumerSequence > this.#last + 1) this.#leftOutAt = this.#deliveredAt;
    if (consumerSequence !== this.#last + 1) this.forget();
    // The consumer delivers in order what it delivers first.
    if (deliveryCount === 1 && this.#seenFrom === Infinity) this.#seenFrom = sequence;
    this.#newest = Math.max(this.#newest, storedAt);
    this.#lead = Math.max(this.#lead, storedAt - this.#deliveredAt);
    this.#last = consumerSequence;
  }

  /** When the newest message was stored that came, in milliseconds since 1970. */
  get newest(): number {
    return this.#newest;
  }

  /** The server's time, or a little before it, in milliseconds since 1970. */
  get serverTime(): number {
    return performance.now() + this.#lead;
  }

  /** Whether everything that the consumer delivered of what was stored after this message came here. */
  hasSeenAllSince({ sequence }: Delivery): boolean {
    return sequence >= this.#seenFrom;
  }

  /** What came until now no longer counts as seen. */
  forget(): void {
    this.#seenFrom = Infinity;
  }

  /** Whether deliveries were left out while an upload has waited for so long, or shortly before. */
  hasLeftOut(waitingFor: number): boolean {
    return performance.now() - this.#leftOutAt <= waitingFor + QUIET_MS;
  }

  /** Somebody waits: a consumer that is quiet is asked. */
  onWaiting(): void {
    const now = performance.now();
    if (now - this.#deliveredAt < QUIET_MS || now - this.#askedAt < ASK_AGAIN_MS) return;
    this.#askedAt = now;
    void this.#ask().catch(() => {}); // it is asked again
  }

  async #ask(): Promise<void> {
    const { js, facts: { stream, consumer } } = this.#world;
    const info = await findConsumer(js, stream, consumer);
    if (!info || performance.now() - this.#deliveredAt < QUIET_MS) return;
    // More was delivered than came here; or there is more, and it is not delivered (max_ack_pending).
    const isElsewhere = info.delivered.consumer_seq > this.#last;
    if (isElsewhere || info.num_pending > 0) this.#leftOutAt = performance.now();
  }
}
