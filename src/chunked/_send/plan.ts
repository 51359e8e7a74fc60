/**
 * How a payload is cut (PROTOCOL 1).
 *
 * @module
 */
import { MAX_CHUNK_SIZE } from "../_format/chunk_shape.ts";
import { MAX_HEADER_BYTES } from "../_format/headers.ts";

/** The chunk size that nobody had a reason to change. */
const DEFAULT_CHUNK_SIZE = 2_000_000;

/** A limit for one message, headers and body together. */
export interface MessageLimit {
  /** Where it stands, such as `the server's max_payload`. */
  readonly name: string;
  readonly bytes: number;
}

/** The cut. */
export interface Plan {
  readonly chunkSize: number;
  readonly chunkCount: number;
}

/**
 * Cuts `totalSize` bytes so that every chunk fits with its headers.
 *
 * @param chunkSize What the caller wants; without it, 2,000,000 or what fits.
 * @throws {RangeError} If it cannot work; names the limit.
 */
export function planChunks(
  totalSize: number,
  chunkSize: number | undefined,
  headerSize: number,
  limits: readonly MessageLimit[],
): Plan {
  if (headerSize > MAX_HEADER_BYTES) {
    throw new RangeError(
      `the headers have ${headerSize} bytes, wanted are at most ${MAX_HEADER_BYTES}`,
    );
  }
  let room = MAX_CHUNK_SIZE;
  for (const { name, bytes } of limits) {
    const fits = bytes - headerSize;
    if (fits < 1) {
      throw new RangeError(
        `the headers have ${headerSize} bytes, which leaves no room for a chunk: ${name} is ${bytes}`,
      );
    }
    if (chunkSize !== undefined && chunkSize > fits) {
      throw new RangeError(
        `chunkSize is ${chunkSize}, at most ${fits} fit beside ${headerSize} bytes of headers: ${name} is ${bytes}`,
      );
    }
    room = Math.min(room, fits);
  }
  const size = chunkSize ?? Math.min(DEFAULT_CHUNK_SIZE, room);
  return { chunkSize: size, chunkCount: Math.max(1, Math.ceil(totalSize / size)) };
}
