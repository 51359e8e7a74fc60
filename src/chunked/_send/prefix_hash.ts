/**
 * The digest of a payload, and those of its beginnings: for a token that lets it be resumed.
 *
 * @module
 */
import { formatDigest, type Sha256 } from "../../_digest.ts";

/** More beginnings are not kept; then not after every chunk, but after every second, fourth, eighth. */
const MOST_STATES = 4_096;

/** Hashes chunk by chunk, and remembers the state after each until nobody will ask for it any more. */
export class PrefixHash {
  readonly #hash: Sha256;
  /** By the number of chunks, ascending. */
  readonly #states = new Map<number, Sha256>();
  #chunks = 0;
  #step = 1;

  constructor(hash: Sha256) {
    this.#hash = hash;
    this.#states.set(0, hash.copy());
  }

  /** The next chunk. */
  update(bytes: Uint8Array): void {
    this.#hash.update(bytes);
    if (++this.#chunks % this.#step === 0) this.#states.set(this.#chunks, this.#hash.copy());
    if (this.#states.size > MOST_STATES) this.#thinOut();
  }

  /** The digest of everything so far. */
  digest(): string {
    return formatDigest(this.#hash.copy().digest());
  }

  /** The most chunks, `chunks` at most, of which the digest is known, with that digest. */
  before(chunks: number): { readonly chunks: number; readonly digest: string } {
    let nearest = 0;
    for (const known of this.#states.keys()) {
      if (known <= chunks) nearest = Math.max(nearest, known);
    }
    const state = this.#states.get(nearest)!;
    return { chunks: nearest, digest: formatDigest(state.copy().digest()) };
  }

  /** Nobody will ask for less than `chunks`. */
  forgetBelow(chunks: number): void {
    let last: number | undefined;
    for (const known of this.#states.keys()) {
      if (known > chunks) return;
      if (last !== undefined) this.#states.delete(last);
      last = known;
    }
  }

  #thinOut(): void {
    this.#step *= 2;
    const [oldest] = this.#states.keys();
    for (const known of this.#states.keys()) {
      if (known !== oldest && known % this.#step !== 0) this.#states.delete(known);
    }
  }
}
