/**
 * The chunks of one upload between their arrival and the handler: out of order at one end, in order at the other.
 *
 * @module
 */
import type { Budget } from "../../_budget.ts";

/** A held chunk counts at least so much, for a million of one byte each would be a hundred times their bytes. */
const LEAST_WEIGHT = 512;

/** Holds chunks, at the cost of a budget that many share. */
export class ReorderBuffer {
  readonly #budget: Budget;
  /** What is held: from `#read` up to `next` without gaps, and above that what came early. */
  readonly #held = new Map<number, Uint8Array>();
  /** Every chunk below it has been taken out. */
  #read = 0;
  #next = 0;
  #bytes = 0;
  #waitingBytes = 0;
  #weight = 0;

  /** @param budget What is held in all buffers together. */
  constructor(budget: Budget) {
    this.#budget = budget;
  }

  /** Every chunk with a lower index is here or was taken out. */
  get next(): number {
    return this.#next;
  }

  /** Bytes that are held. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Those of them before which nothing is missing. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Whether the chunk is here, or was taken out. */
  has(index: number): boolean {
    return index < this.#next || this.#held.has(index);
  }

  /** The gaps from `next` on with a chunk above them, both ends included; at most `most`. */
  gaps(most: number): [first: number, last: number][] {
    const gaps: [number, number][] = [];
    if (this.#bytes === this.#waitingBytes) return gaps;
    let from = this.#next;
    const early = [...this.#held.keys()].filter((index) => index > from).sort((a, b) => a - b);
    for (const index of early) {
      if (gaps.length === most) break;
      if (index > from) gaps.push([from, index - 1]);
      from = index + 1;
    }
    return gaps;
  }

  /**
   * Whether a chunk may be put in: one out of order while the budget is at most half used, the next one while there is
   * room, or while no other waits to be taken out.
   *
   * @param granted So much of the budget is set aside for this chunk already.
   */
  hasRoom(index: number, length: number, granted: number): boolean {
    const used = this.#budget.used - granted + weightOf(length);
    if (index > this.#next) return used <= this.#budget.size / 2;
    return this.#waitingBytes === 0 || used <= this.#budget.size;
  }

  /** Puts in a chunk that is not here; `onNext` is told of those, in order, before which nothing is missing any more. */
  add(index: number, data: Uint8Array, onNext: (data: Uint8Array) => void): void {
    this.#held.set(index, data);
    this.#account(data.length, weightOf(data.length));
    for (let next = this.#held.get(this.#next); next; next = this.#held.get(this.#next)) {
      this.#waitingBytes += next.length;
      this.#next++;
      onNext(next);
    }
  }

  /** Takes out the next chunk, if it is here. */
  take(): Uint8Array | undefined {
    const data = this.#held.get(this.#read);
    if (!data) return undefined;
    this.#held.delete(this.#read++);
    this.#waitingBytes -= data.length;
    this.#account(-data.length, -weightOf(data.length));
    return data;
  }

  /** A chunk that stays, and is a small part of a larger read, would keep all of that in memory: it is copied. */
  compact(index: number): void {
    const data = this.#held.get(index);
    if (data && data.buffer.byteLength > 3 * data.length) this.#held.set(index, data.slice());
  }

  /** Drops everything. */
  clear(): void {
    this.#held.clear();
    this.#waitingBytes = 0;
    this.#account(-this.#bytes, -this.#weight);
  }

  #account(bytes: number, weight: number): void {
    this.#bytes += bytes;
    this.#weight += weight;
    this.#budget.adjust(weight);
  }
}

function weightOf(length: number): number {
  return Math.max(length, LEAST_WEIGHT);
}
