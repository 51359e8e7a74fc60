/**
 * The bytes of one upload while it arrives.
 *
 * @module
 */
import type { Sha256 } from "../../_digest.ts";

/** Takes chunks in any order, hashes them in order where that is wanted, and hands over the whole. */
export class PayloadStore {
  readonly #chunkSize: number;
  readonly #hash: Sha256 | undefined;
  readonly #parts: (Uint8Array | undefined)[];
  readonly #whole: Uint8Array | undefined;
  readonly #totalSize: number;
  #next = 0;
  #highest = -1;
  #receivedBytes = 0;

  /**
   * @param keepParts Whether the chunks' own memory stays in use anyway, because their messages are held until they are
   * acknowledged: then they are copied together only at the end. Otherwise each is copied to its place as it comes.
   * @param hash `undefined` where nobody will ask for the digest.
   */
  constructor(
    shape: { chunkCount: number; chunkSize: number; totalSize: number; keepParts: boolean },
    hash: Sha256 | undefined,
  ) {
    this.#chunkSize = shape.chunkSize;
    this.#totalSize = shape.totalSize;
    this.#hash = hash;
    this.#parts = new Array(shape.chunkCount).fill(undefined);
    this.#whole = shape.keepParts ? undefined : new Uint8Array(shape.totalSize);
  }

  /** Every chunk with a lower index is here. */
  get next(): number {
    return this.#next;
  }

  /** Bytes that are here. */
  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  /** Whether every chunk is here. */
  get isComplete(): boolean {
    return this.#next === this.#parts.length;
  }

  /** Whether the chunk is here. */
  has(index: number): boolean {
    return index < this.#next || this.#parts[index] !== undefined;
  }

  /** Adds a chunk that is not here yet and has the right length. */
  add(index: number, data: Uint8Array): void {
    const part = this.#whole?.subarray(
      index * this.#chunkSize,
      index * this.#chunkSize + data.length,
    );
    part?.set(data);
    this.#parts[index] = part ?? data;
    this.#highest = Math.max(this.#highest, index);
    this.#receivedBytes += data.length;
    for (let arrived = this.#parts[this.#next]; arrived; arrived = this.#parts[this.#next]) {
      this.#hash?.update(arrived);
      this.#next++;
    }
  }

  /** The gaps above `next` with a chunk above them, at most `most`. */
  gaps(most: number): [first: number, last: number][] {
    const gaps: [number, number][] = [];
    let first: number | undefined;
    for (let index = this.#next; index <= this.#highest && gaps.length < most; index++) {
      if (this.#parts[index] === undefined) {
        first ??= index;
      } else if (first !== undefined) {
        gaps.push([first, index - 1]);
        first = undefined;
      }
    }
    return gaps;
  }

  /** The whole payload, and its digest where it was hashed. Call once, when complete. */
  finish(): { data: Uint8Array; sum: Uint8Array | undefined } {
    const sum = this.#hash?.digest();
    if (this.#whole) return { data: this.#whole, sum };
    const data = new Uint8Array(this.#totalSize);
    let offset = 0;
    for (const part of this.#parts) {
      data.set(part!, offset);
      offset += part!.length;
    }
    this.#parts.length = 0;
    return { data, sum };
  }
}
