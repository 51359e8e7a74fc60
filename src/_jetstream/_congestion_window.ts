/**
 * How much may be under way to a stream at the moment: the configured size as long as all goes well, less when the
 * server says that it is too much, or says nothing.
 *
 * @module
 */
import { Budget } from "../_budget.ts";

/** A window in bytes that halves at a loss and grows back by about one message per round trip. */
export class CongestionWindow {
  readonly #budget: Budget;
  readonly #limit: number;
  #sent = 0;
  #shrunkAt = 0;

  /** @param limit The size in bytes to start with, and never to pass. */
  constructor(limit: number) {
    this.#limit = limit;
    this.#budget = new Budget(limit);
  }

  /** Bytes that may be under way now. */
  get size(): number {
    return this.#budget.size;
  }

  /**
   * Waits for room and takes it.
   *
   * @returns A ticket, to be shown when what was sent with it is lost.
   * @throws The reason of `signal`.
   */
  async enter(weight: number, signal: AbortSignal): Promise<number> {
    await this.#budget.acquire(weight, signal);
    return ++this.#sent;
  }

  /** Gives the room back. */
  leave(weight: number): void {
    this.#budget.release(weight);
  }

  /** What was sent has arrived. */
  onArrival(weight: number): void {
    const { size } = this.#budget;
    if (size < this.#limit) {
      this.#budget.resize(Math.min(this.#limit, size + (weight * weight) / size));
    }
  }

  /**
   * What was sent with `ticket`, and has not left yet, was too much. All that was under way together is lost together,
   * and counts once. The half is that of what was really under way: the window may never have been full.
   */
  onLoss(ticket: number, weight: number): void {
    if (ticket <= this.#shrunkAt) return;
    this.#shrunkAt = this.#sent;
    const { size, used } = this.#budget;
    this.#budget.resize(Math.min(size, Math.max(weight, used / 2)));
  }
}
