/**
 * What losses tell: chunks that one receiver misses again and again, while another has them, go to a queue group.
 *
 * @module
 */
import { hasTaken, type Receiver } from "./_receiver_view.ts";
import type { Roster } from "./_roster.ts";

/** A chunk that one receiver misses after so many sendings, while another has it, tells of a queue group. */
const SENDINGS_BEFORE_QUEUE_GROUP = 3;

/** How often each chunk was lost. */
export class Losses {
  readonly #roster: Roster;
  readonly #counts = new Map<number, number>();

  constructor(roster: Roster) {
    this.#roster = roster;
  }

  /** The receiver did not get the chunk. Returns whether that is enough to speak of a queue group. */
  add(receiver: Receiver, index: number): boolean {
    const count = (this.#counts.get(index) ?? 0) + 1;
    this.#counts.set(index, count);
    return count >= SENDINGS_BEFORE_QUEUE_GROUP && this.#roster.isElsewhere(receiver, index);
  }

  /** The chunk has arrived. */
  remove(index: number): void {
    this.#counts.delete(index);
  }

  clear(): void {
    this.#counts.clear();
  }

  /** Whether a queue group explains why the receiver, which lacks something, answers no more. */
  explainSilence(receiver: Receiver): boolean {
    for (const [index, count] of this.#counts) {
      if (count > 1 && !hasTaken(receiver, index) && this.#roster.isElsewhere(receiver, index)) {
        return true;
      }
    }
    return false;
  }
}
