/**
 * Chunks on their way.
 *
 * @module
 */

/** Chunks that were sent and are neither known to be taken over nor known to be lost. */
export class Flight {
  readonly #sizeOf: (index: number) => number;
  readonly #asksBefore = new Map<number, number>();
  #bytes = 0;

  constructor(sizeOf: (index: number) => number) {
    this.#sizeOf = sizeOf;
  }

  /** Bytes of all of them. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether there are none. */
  get isEmpty(): boolean {
    return this.#asksBefore.size === 0;
  }

  /** Each chunk, with the number of asks that had been sent before it. */
  get chunks(): Iterable<[index: number, asksBefore: number]> {
    return this.#asksBefore;
  }

  has(index: number): boolean {
    return this.#asksBefore.has(index);
  }

  /** The chunk is sent. */
  add(index: number, asksBefore: number): void {
    this.#asksBefore.set(index, asksBefore);
    this.#bytes += this.#sizeOf(index);
  }

  /** The chunk has arrived, or is lost. */
  remove(index: number): void {
    if (this.#asksBefore.delete(index)) this.#bytes -= this.#sizeOf(index);
  }

  clear(): void {
    this.#asksBefore.clear();
    this.#bytes = 0;
  }
}
