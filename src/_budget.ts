/**
 * The one limiter of natskit: chunk windows, publish windows, worker slots and concurrency limits are all budgets.
 *
 * @module
 */

interface Waiter {
  weight: number;
  admit: () => void;
}

/** A weighted limiter: who wants to go on acquires weight and waits, first come first served, while there is none. */
export class Budget {
  #size: number;
  #used = 0;
  readonly #waiting: Waiter[] = [];

  /** @param size How much weight may be held at the same time. */
  constructor(size: number) {
    this.#size = size;
  }

  /** The weight that is held now. */
  get used(): number {
    return this.#used;
  }

  /** The weight that may be held at the same time. */
  get size(): number {
    return this.#size;
  }

  /**
   * Resolves when `weight` is held. A weight above the whole size is let in alone, so that one big piece of work gets
   * its turn instead of waiting for ever.
   *
   * @throws The reason of `signal`, when it aborts first; nothing is held then.
   */
  acquire(weight: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.#waiting.length === 0 && this.#fits(weight)) {
      this.#used += weight;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        reject(signal!.reason);
        this.#admit();
      };
      const waiter: Waiter = {
        weight,
        admit: () => {
          signal?.removeEventListener("abort", onAbort);
          resolve();
        },
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#waiting.push(waiter);
    });
  }

  /** Gives weight back, and lets in those who wait. */
  release(weight: number): void {
    this.adjust(-weight);
  }

  /** Holds so much more, or less, without waiting: for who has worked out for himself what fits. */
  adjust(weight: number): void {
    this.#used += weight;
    this.#admit();
  }

  /** Changes the size. What is held stays held: a smaller size only keeps others out for longer. */
  resize(size: number): void {
    this.#size = size;
    this.#admit();
  }

  #fits(weight: number): boolean {
    return this.#used + weight <= this.#size || this.#used === 0;
  }

  #admit(): void {
    for (
      let first = this.#waiting[0];
      first && this.#fits(first.weight);
      first = this.#waiting[0]
    ) {
      this.#waiting.shift();
      this.#used += first.weight;
      first.admit();
    }
  }
}
