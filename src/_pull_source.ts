/**
 * Reading a stream piece by piece and giving it out in the sizes that are wanted, with a bound on every wait.
 *
 * @module
 */
import { describe } from "./_require.ts";
import { NoProgressError, SourceError } from "./errors.ts";

/** The bounds of every wait for a source. */
export interface ReadBounds {
  /** The longest time without a single byte, in milliseconds. */
  readonly timeout: number;
  /** Ends the wait with its reason. */
  readonly signal: AbortSignal | undefined;
}

/** A stream or an iterator, as far as it matters here. */
export interface PieceReader {
  next(): Promise<{ done?: boolean | undefined; value?: unknown }>;
  /** Tells whoever makes the pieces that no more are wanted. */
  cancel(reason: unknown): PromiseLike<unknown> | undefined;
  /** Gives the stream back. */
  release(): void;
}

/** So long a source may take to notice that it is cancelled, in milliseconds. */
const CANCEL_WAIT = 1_000;
const NOTHING = new Uint8Array(0);

/** The reader of a web stream; it locks the stream. */
export function readerOf(stream: ReadableStream<Uint8Array>): PieceReader {
  const reader = stream.getReader();
  return {
    next: () => reader.read(),
    cancel: (reason) => reader.cancel(reason),
    release: () => reader.releaseLock(),
  };
}

/** The iterator of an async iterable, which is asked for on first use. */
export function iteratorOf(iterable: AsyncIterable<Uint8Array>): PieceReader {
  let iterator: AsyncIterator<Uint8Array> | undefined;
  return {
    next: () => (iterator ??= iterable[Symbol.asyncIterator]()).next(),
    cancel: () => (iterator ??= iterable[Symbol.asyncIterator]()).return?.(),
    release: () => {},
  };
}

/**
 * Takes exactly `size` bytes out of the pieces. Anything else that a source may do is a {@linkcode SourceError}. Pieces
 * are not copied where a wanted size lies within one.
 */
export class PulledBytes {
  readonly #pieces: PieceReader;
  readonly #size: number;
  readonly #bounds: ReadBounds;
  /** What came and was not taken yet. */
  #rest: Uint8Array = NOTHING;
  #given = 0;
  #movedAt = 0;
  #hasEnded = false;
  #closing: Promise<void> | undefined;
  /** Buffers of its own, and those of them that may be filled again. */
  readonly #own = new WeakSet<Uint8Array>();
  readonly #free: Uint8Array[] = [];

  constructor(pieces: PieceReader, size: number, bounds: ReadBounds) {
    this.#pieces = pieces;
    this.#size = size;
    this.#bounds = bounds;
  }

  /** The next `length` bytes: at once where they are here already. */
  take(length: number): Uint8Array | Promise<Uint8Array> {
    if (this.#rest.length >= length) return this.#cut(length);
    return this.#bounded(this.#fill(length));
  }

  /**
   * Nobody needs what was taken any more, so that it may be filled again: a long upload would else leave more garbage
   * behind than is collected in time.
   */
  recycle(bytes: Uint8Array): void {
    if (this.#own.delete(bytes)) this.#free.push(bytes);
  }

  /** Makes sure that nothing comes after the last byte; reads until the source says so itself. */
  async expectEnd(): Promise<void> {
    if (!this.#hasEnded) await this.#bounded(this.#drain());
  }

  /** Cancels the source, if it has not ended, and lets go of it. Takes a second at most, and never throws. */
  close(reason: unknown): Promise<void> {
    return this.#closing ??= this.#close(reason);
  }

  async #close(reason: unknown): Promise<void> {
    this.#rest = NOTHING;
    if (!this.#hasEnded) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const patience = new Promise<void>((resolve) => timer = setTimeout(resolve, CANCEL_WAIT));
      // Why it failed is told elsewhere; that it cannot even be cancelled adds nothing.
      const cancelling = (async () => await this.#pieces.cancel(reason))().catch(() => {});
      await Promise.race([cancelling, patience]);
      clearTimeout(timer);
    }
    try {
      this.#pieces.release();
    } catch {
      // A read hangs although the stream is cancelled: the stream keeps its lock.
    }
  }

  #cut(length: number): Uint8Array {
    const rest = this.#rest;
    this.#rest = rest.subarray(length);
    return length === rest.length ? rest : rest.subarray(0, length);
  }

  async #fill(length: number): Promise<Uint8Array> {
    if (this.#rest.length === 0) this.#rest = await this.#next();
    if (this.#rest.length >= length) return this.#cut(length);
    const bytes = this.#buffer(length);
    for (let filled = 0;;) {
      const part = this.#cut(Math.min(this.#rest.length, length - filled));
      bytes.set(part, filled);
      filled += part.length;
      if (filled === length) {
        this.#own.add(bytes);
        return bytes;
      }
      this.#rest = await this.#next();
    }
  }

  #buffer(length: number): Uint8Array {
    const free = this.#free.pop();
    return free?.length === length ? free : new Uint8Array(length);
  }

  /** The next piece that is not empty. */
  async #next(): Promise<Uint8Array> {
    const piece = await this.#read();
    if (piece) return piece;
    throw new SourceError("ended early", this.#size, this.#given);
  }

  async #drain(): Promise<void> {
    while (await this.#read()); // what is too much is refused where it comes
  }

  async #read(): Promise<Uint8Array | undefined> {
    for (;;) {
      const { done, value } = await this.#pull();
      if (done) {
        this.#hasEnded = true;
        return undefined;
      }
      if (!(value instanceof Uint8Array)) {
        const what = `gave ${describe(value)} in place of a Uint8Array`;
        throw new SourceError(what, this.#size, this.#given);
      }
      this.#given += value.length;
      if (this.#given > this.#size) {
        throw new SourceError("gave more than it should", this.#size, this.#given);
      }
      if (value.length > 0) {
        this.#movedAt = performance.now();
        return value;
      }
      // Nothing but empty pieces, one after the other, would leave no time for anything else.
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  }

  async #pull(): Promise<{ done?: boolean | undefined; value?: unknown }> {
    try {
      return await this.#pieces.next();
    } catch (cause) {
      throw new SourceError("failed", this.#size, this.#given, { cause });
    }
  }

  async #bounded<T>(work: Promise<T>): Promise<T> {
    const { timeout, signal } = this.#bounds;
    work.catch(() => {}); // when it rejects after all, nobody waits for it any more
    signal?.throwIfAborted();
    this.#movedAt = performance.now();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let onAbort: (() => void) | undefined;
    const over = new Promise<never>((_resolve, reject) => {
      const look = (): void => {
        const left = this.#movedAt + timeout - performance.now();
        if (left > 0) timer = setTimeout(look, left);
        else reject(new NoProgressError("reading the source", timeout));
      };
      timer = setTimeout(look, timeout);
      onAbort = () => reject(signal!.reason);
      signal?.addEventListener("abort", onAbort, { once: true });
    });
    try {
      return await Promise.race([work, over]);
    } finally {
      clearTimeout(timer);
      if (onAbort) signal?.removeEventListener("abort", onAbort);
    }
  }
}
