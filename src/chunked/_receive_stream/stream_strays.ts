/**
 * What a receiver knows of the chunks that have come: whether an upload that is delivered again has anything that it did
 * not have before. Reading the stream to find out would cost all that is stored after each ticket that nothing follows.
 *
 * @module
 */
import type { Delivery } from "../../_jetstream/delivery.ts";
import type { ChunkInfo } from "../_format/headers.ts";

/** What came of one upload. */
export interface Stray {
  /** The lowest and the highest sequence of its chunks. */
  first: number;
  last: number;
  /** Their bytes, each message counted once. */
  bytes: number;
  /** Whether anything came since the upload was given its place last. */
  isNews: boolean;
}

const MOST = 50_000;

/** A bounded memory. */
export class Strays {
  readonly #strays = new Map<string, Stray>();
  readonly #onForgotten: () => void;

  /** @param onForgotten Called when there was too much to remember: what is not here may have come all the same. */
  constructor(onForgotten: () => void) {
    this.#onForgotten = onForgotten;
  }

  /** What came of the upload. */
  get(info: ChunkInfo): Stray | undefined {
    return this.#strays.get(keyOf(info));
  }

  /** A chunk came, other than the first one. */
  note(info: ChunkInfo, bytes: number, { sequence, deliveryCount }: Delivery): void {
    const stray = this.#at(info, sequence);
    if (deliveryCount > 1) return;
    stray.isNews = true;
    stray.bytes += bytes;
  }

  /** The upload has ended. */
  forget(info: ChunkInfo): void {
    this.#strays.delete(keyOf(info));
  }

  #at(info: ChunkInfo, sequence: number): Stray {
    const key = keyOf(info);
    let stray = this.#strays.get(key);
    if (!stray) {
      stray = { first: sequence, last: sequence, bytes: 0, isNews: false };
      this.#strays.set(key, stray);
      if (this.#strays.size > MOST) {
        for (const oldest of this.#strays.keys()) {
          this.#strays.delete(oldest);
          if (this.#strays.size <= MOST / 2) break;
        }
        this.#onForgotten();
      }
    }
    stray.first = Math.min(stray.first, sequence);
    stray.last = Math.max(stray.last, sequence);
    return stray;
  }
}

/** A chunk of another size, or count, is none of the upload, whatever its id says. */
export function keyOf({ uploadId, chunkCount, totalSize }: ChunkInfo): string {
  return `${uploadId} ${chunkCount} ${totalSize}`;
}
