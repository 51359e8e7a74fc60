/**
 * How a payload is cut (PROTOCOL 1).
 *
 * @module
 */
import type { MsgHdrs } from "@nats-io/nats-core";
import { MAX_CHUNK_SIZE } from "./_chunk_shape.ts";

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

/** How many bytes the headers have on the wire: a status line, a line each, and an empty line. */
export function encodedLength(headers: MsgHdrs): number {
  const encoder = new TextEncoder();
  let bytes = "NATS/1.0\r\n\r\n".length;
  for (const [name, values] of headers) {
    for (const value of values) bytes += encoder.encode(`${name}: ${value}\r\n`).length;
  }
  return bytes;
}
