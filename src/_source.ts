/**
 * Where bytes come from: what callers may hand in, and bytes that can be read from any place.
 *
 * @module
 */
import { describe } from "./_require.ts";

/**
 * Bytes that can be read from any place, as often as needed: a file, or whatever else keeps them. An upload from it is
 * resumed without being sent twice, and goes on where a receiver has lost what it had.
 *
 * @example Bytes that are made when they are read
 * ```ts
 * import type { SeekableSource } from "@natskit/natskit";
 *
 * const zeros: SeekableSource = {
 *   size: 10_000_000,
 *   name: "zeros.bin",
 *   read(start, end) {
 *     let left = end - start;
 *     return new ReadableStream({
 *       pull(controller) {
 *         if (left === 0) return controller.close();
 *         const piece = new Uint8Array(Math.min(left, 65_536));
 *         left -= piece.length;
 *         controller.enqueue(piece);
 *       },
 *     });
 *   },
 * };
 * let bytes = 0;
 * for await (const piece of zeros.read(5, 100_005)) bytes += piece.length;
 * console.log(bytes); // 100000
 * ```
 */
export interface SeekableSource {
  /** How many bytes there are. */
  readonly size: number;
  /** The name of the file, where there is one. */
  readonly name?: string;
  /** Exactly the bytes from `start` up to `end`, which is not included; each call gives a stream of its own. */
  read(start: number, end: number): ReadableStream<Uint8Array>;
}

/** Whatever bytes can be read from. Streams and iterables are read once, from their start. */
export type ByteSource =
  | Uint8Array
  | Blob
  | SeekableSource
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array>;

/** Bytes and Blobs, in ranges. */
export interface RangeSource {
  /** How many bytes there are. */
  readonly size: number;
  /** The name of the file, where the source has one. */
  readonly name: string | undefined;
  /** The media type, where the source knows it. */
  readonly contentType: string | undefined;
  /** The bytes from `start` up to `end`, which is not included. */
  read(start: number, end: number): Uint8Array | Promise<Uint8Array>;
}

/**
 * Makes bytes and Blobs readable in ranges; bytes are not copied.
 *
 * @param name What the caller calls it, for the error.
 * @throws {TypeError} If `source` is neither.
 */
export function toRangeSource(name: string, source: Uint8Array | Blob): RangeSource {
  if (source instanceof Uint8Array) {
    return {
      size: source.length,
      name: undefined,
      contentType: undefined,
      read: (start, end) => source.subarray(start, end),
    };
  }
  if (source instanceof Blob) {
    return {
      size: source.size,
      name: "name" in source && typeof source.name === "string" && source.name
        ? source.name
        : undefined,
      contentType: source.type || undefined,
      read: async (start, end) => new Uint8Array(await source.slice(start, end).arrayBuffer()),
    };
  }
  throw new TypeError(`${name} is ${describe(source)}, wanted is a Uint8Array or a Blob`);
}
