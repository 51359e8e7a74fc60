/**
 * Where bytes come from: one seam over everything that can be read from any place.
 *
 * @module
 */
import { describe } from "./_require.ts";

/** Bytes that can be read from any place, as often as needed. */
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
