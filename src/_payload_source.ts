/**
 * One way to read every kind of source: in order, in wanted sizes, and again where the source allows it.
 *
 * @module
 */
import {
  iteratorOf,
  type PieceReader,
  PulledBytes,
  type ReadBounds,
  readerOf,
} from "./_pull_source.ts";
import { describe, requireString } from "./_require.ts";
import {
  type ByteSource,
  type RangeSource,
  type SeekableSource,
  toRangeSource,
} from "./_source.ts";
import { SourceError } from "./errors.ts";

/** A source that is being read. */
export interface PayloadSource {
  /** How many bytes there are. */
  readonly size: number;
  /** Whether any range can be read again; otherwise what was read is gone. */
  readonly isSeekable: boolean;
  /** Whether reading waits for nobody who may take long, so that reading ahead gains nothing. */
  readonly isLocal: boolean;
  /** The bytes from `start` up to `end`; not seekable, only from where the reading before ended. */
  read(start: number, end: number): Uint8Array | Promise<Uint8Array>;
  /** Nobody needs these bytes, as they were read, any more: a later reading may put others in their place. */
  recycle(bytes: Uint8Array): void;
  /** To be called when the last byte was read: makes sure that it was the last. */
  expectEnd(): Promise<void> | undefined;
  /** Lets go of the source, and cancels what has not ended. Never throws. */
  close(reason: unknown): Promise<void>;
}

/** What is known of a source before it is touched. */
export interface SourceDescription {
  /** How many bytes there are. */
  readonly size: number;
  /** The name of the file, where the source has one. */
  readonly name: string | undefined;
  /** The media type, where the source knows it. */
  readonly contentType: string | undefined;
  /** Begins to read: a stream is locked from then on, and has to be closed. */
  open(bounds: ReadBounds): PayloadSource;
}

/**
 * Finds out what kind of source it is, without reading or locking it.
 *
 * @param name What the caller calls it, for the error.
 * @param size The size that the caller gives beside it, which streams and iterables need.
 * @throws {TypeError} It is none, it is locked, or a stream without `size`.
 * @throws {RangeError} `size` is no size, or not that of the source.
 */
export function describeSource(name: string, source: ByteSource, size?: number): SourceDescription {
  if (size !== undefined) requireSize("size", size);
  if (source instanceof Uint8Array || source instanceof Blob) {
    const range = toRangeSource(name, source);
    requireEqualSize(name, range.size, size);
    return { ...range, open: () => openRange(range) };
  }
  const found = source as Partial<SeekableSource & ReadableStream & AsyncIterable<Uint8Array>>;
  if (typeof found?.getReader === "function") {
    if (found.locked) {
      throw new TypeError(`${name} is a locked stream, wanted is one that nobody reads`);
    }
    const stream = source as ReadableStream<Uint8Array>;
    return plain(name, "ReadableStream", size, () => readerOf(stream));
  }
  if (typeof found?.read === "function" && found.size !== undefined) {
    return describeSeekable(name, source as SeekableSource, size);
  }
  if (typeof found?.[Symbol.asyncIterator] === "function") {
    const iterable = source as AsyncIterable<Uint8Array>;
    return plain(name, "AsyncIterable", size, () => iteratorOf(iterable));
  }
  throw new TypeError(
    `${name} is ${describe(source)}, wanted is a Uint8Array, a Blob, a SeekableSource, ` +
      "a ReadableStream or an AsyncIterable",
  );
}

function plain(
  name: string,
  kind: string,
  size: number | undefined,
  read: () => PieceReader,
): SourceDescription {
  if (size === undefined) {
    throw new TypeError(
      `size is undefined, and ${name} is ${/^A/.test(kind) ? "an" : "a"} ${kind}: wanted is the ` +
        "number of its bytes, which every chunk announces",
    );
  }
  return {
    size,
    name: undefined,
    contentType: undefined,
    open: (bounds) => {
      const pulled = new PulledBytes(read(), size, bounds);
      return {
        size,
        isSeekable: false,
        isLocal: false,
        read: (start, end) => pulled.take(end - start),
        recycle: (bytes) => pulled.recycle(bytes),
        expectEnd: () => pulled.expectEnd(),
        close: (reason) => pulled.close(reason),
      };
    },
  };
}

function describeSeekable(
  label: string,
  source: SeekableSource,
  wanted: number | undefined,
): SourceDescription {
  const { size, name } = source;
  requireSize(`${label}.size`, size);
  requireEqualSize(label, size, wanted);
  if (name !== undefined) requireString(`${label}.name`, name);
  return { size, name, contentType: undefined, open: (bounds) => new OpenSeekable(source, bounds) };
}

/** One stream from the start to the end, and others for what is read again. */
class OpenSeekable implements PayloadSource {
  readonly size: number;
  readonly isSeekable = true;
  readonly isLocal = false;
  readonly #source: SeekableSource;
  readonly #bounds: ReadBounds;
  #main: PulledBytes | undefined;
  #position = 0;

  constructor(source: SeekableSource, bounds: ReadBounds) {
    this.size = source.size;
    this.#source = source;
    this.#bounds = bounds;
  }

  read(start: number, end: number): Uint8Array | Promise<Uint8Array> {
    if (start !== this.#position) return this.#readAgain(start, end);
    this.#position = end;
    return (this.#main ??= this.#open(0, this.size)).take(end - start);
  }

  recycle(bytes: Uint8Array): void {
    this.#main?.recycle(bytes);
  }

  async expectEnd(): Promise<void> {
    await this.#main?.expectEnd();
  }

  async close(reason: unknown): Promise<void> {
    await this.#main?.close(reason);
  }

  async #readAgain(start: number, end: number): Promise<Uint8Array> {
    const range = this.#open(start, end);
    try {
      const bytes = await range.take(end - start);
      await range.expectEnd();
      return bytes;
    } finally {
      await range.close(undefined);
    }
  }

  #open(start: number, end: number): PulledBytes {
    let stream: ReadableStream<Uint8Array>;
    try {
      stream = this.#source.read(start, end);
      return new PulledBytes(readerOf(stream), end - start, this.#bounds);
    } catch (cause) {
      throw new SourceError(`could not be read from ${start}`, end - start, 0, { cause });
    }
  }
}

/** Bytes and Blobs give what they have; a file behind a Blob may have changed since. */
function openRange(range: RangeSource): PayloadSource {
  const { size } = range;
  const check = (bytes: Uint8Array, start: number, end: number): Uint8Array => {
    if (bytes.length === end - start) return bytes;
    throw new SourceError("ended early", size, start + bytes.length);
  };
  const checkLater = async (
    reading: Promise<Uint8Array>,
    start: number,
    end: number,
  ): Promise<Uint8Array> => {
    try {
      return check(await reading, start, end);
    } catch (cause) {
      if (cause instanceof SourceError) throw cause;
      throw new SourceError("failed", size, start, { cause });
    }
  };
  return {
    size,
    isSeekable: true,
    isLocal: true,
    read: (start, end) => {
      const bytes = range.read(start, end);
      return bytes instanceof Uint8Array ? check(bytes, start, end) : checkLater(bytes, start, end);
    },
    recycle: () => {}, // they are the caller's, or will be collected
    expectEnd: () => undefined,
    close: () => Promise.resolve(),
  };
}

function requireSize(name: string, size: unknown): asserts size is number {
  if (typeof size !== "number") {
    throw new TypeError(`${name} is ${describe(size)}, wanted is a number`);
  }
  if (!Number.isSafeInteger(size) || size < 0) {
    throw new RangeError(`${name} is ${size}, wanted is a whole number of bytes from 0`);
  }
}

function requireEqualSize(name: string, found: number, wanted: number | undefined): void {
  if (wanted === undefined || wanted === found) return;
  throw new RangeError(
    `size is ${wanted}, ${name} has ${found} bytes: wanted is the same, or none`,
  );
}
