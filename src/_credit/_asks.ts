/**
 * The questions of a sender: when the next one is due, and which has to be answered first.
 *
 * @module
 */

/** The asks of one upload, numbered from 1. */
export class Asks {
  readonly #after: number;
  #count = 0;
  #isDemanded = true;
  #barrier = 0;
  #lastAt: number;

  /** @param after How long after the last one, or the last news, another is due, in milliseconds. */
  constructor(after: number, now: number) {
    this.#after = after;
    this.#lastAt = now;
  }

  /** How many were sent; the number of the last one. */
  get count(): number {
    return this.#count;
  }

  /** The ask that has to be answered before anything more is sent. Its answer tells what became of all before it. */
  get barrier(): number {
    return this.#barrier;
  }

  /** Whether one is to be sent at once. */
  get isDemanded(): boolean {
    return this.#isDemanded;
  }

  /** Has one sent at once. */
  demand(): void {
    this.#isDemanded = true;
  }

  /** When the next one is due. */
  nextAt(quietSince: number): number {
    return Math.max(this.#lastAt, quietSince) + this.#after;
  }

  /**
   * One is sent.
   *
   * @param wasAnswered Whether the barrier was answered, so that this ask becomes the next one.
   * @returns Its number.
   */
  send(now: number, wasAnswered: boolean): number {
    this.#count++;
    this.#isDemanded = false;
    this.#lastAt = now;
    if (wasAnswered) this.#barrier = this.#count;
    return this.#count;
  }
}
