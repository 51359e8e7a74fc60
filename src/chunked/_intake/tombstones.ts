/**
 * What a receiver remembers of uploads that have ended.
 *
 * @module
 */

/** How an upload ended. */
export interface Ending {
  readonly status: "complete" | "rejected";
  /** Why it was rejected. */
  readonly reason: string | undefined;
  readonly chunkCount: number;
  readonly at: number;
}

const COMPLETE_FOR_MS = 10 * 60_000;
/** A rejected id may begin anew after this time, with chunk 0 or an ask. */
export const REJECTED_FOR_MS = 10_000;
const MOST_COMPLETE = 100_000;
/** Few, and apart from the complete ones, so that bad uploads cannot push out the memory of good ones. */
const MOST_REJECTED = 10_000;

/** A bounded memory: complete ids for ten minutes, rejected ones until they may begin anew. */
export class Tombstones {
  readonly #complete = new Map<string, Ending>();
  readonly #rejected = new Map<string, Ending>();

  /** Remembers how an upload ended. */
  add(uploadId: string, ending: Ending): void {
    const [endings, most] = ending.status === "complete"
      ? [this.#complete, MOST_COMPLETE]
      : [this.#rejected, MOST_REJECTED];
    endings.delete(uploadId); // so that the order stays that of time
    endings.set(uploadId, ending);
    for (const [oldest, { at }] of endings) {
      if (endings.size <= most && ending.at - at < COMPLETE_FOR_MS) break;
      endings.delete(oldest);
    }
  }

  /**
   * How the upload ended, if that still counts.
   *
   * @param begins Whether the message could begin an upload: an ask, or chunk 0.
   */
  get(uploadId: string, begins: boolean, now: number): Ending | undefined {
    const complete = this.#complete.get(uploadId);
    if (complete) {
      if (now - complete.at < COMPLETE_FOR_MS) return complete;
      this.#complete.delete(uploadId);
    }
    const rejected = this.#rejected.get(uploadId);
    if (rejected && begins && now - rejected.at >= REJECTED_FOR_MS) {
      this.#rejected.delete(uploadId);
      return undefined;
    }
    return rejected;
  }
}
