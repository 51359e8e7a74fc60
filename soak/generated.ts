/**
 * A payload of any size that nobody has to hold: each byte follows from its place.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { createPayload } from "../bench/payload.ts";

const BLOCK = 65_536;
/** Where a block begins in what all blocks are parts of: coprime to the number of places, so that none comes twice. */
const STEP = 104_729;
const PLACES = 15 * BLOCK;

const bytes: Uint8Array<ArrayBuffer> = createPayload(PLACES + BLOCK);

/** The part of a block from `start` on, no further than `end`; nothing is copied, so that it costs no memory. */
function view(start: number, end: number): Uint8Array<ArrayBuffer> {
  const number = Math.floor(start / BLOCK);
  const origin = number * STEP % PLACES - number * BLOCK;
  return bytes.subarray(origin + start, origin + Math.min(end, (number + 1) * BLOCK));
}

/**
 * Makes a part of the payload: blocks that are all different up to 64 GB, so that a chunk in the wrong place shows.
 *
 * @param start The place of the first byte.
 * @param end The place behind the last byte.
 */
export function generate(start: number, end: number): Uint8Array<ArrayBuffer> {
  const piece = new Uint8Array(end - start);
  for (let at = start; at < end;) {
    const part = view(at, end);
    piece.set(part, at - start);
    at += part.length;
  }
  return piece;
}

/** What was read of a generated payload. */
export interface Made {
  /** How many bytes were asked for so far. */
  bytes: number;
  /** Their SHA-256 in hexadecimal, once all are made. */
  digest: string | undefined;
}

/**
 * The payload as a stream, which is made when it is asked for and hashed as it is made.
 *
 * @param size How many bytes.
 * @returns The stream, and how far it is.
 */
export function generatedStream(size: number): { stream: ReadableStream<Uint8Array>; made: Made } {
  const hash = createHash("sha256");
  const made: Made = { bytes: 0, digest: undefined };
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (made.bytes === size) {
        made.digest = hash.digest("hex");
        return controller.close();
      }
      const piece = view(made.bytes, size);
      hash.update(piece);
      made.bytes += piece.length;
      controller.enqueue(piece);
    },
  }, { highWaterMark: 0 });
  return { stream, made };
}

/** The payload as a source that can be read from any place. */
export interface GeneratedSource {
  /** How many bytes there are. */
  readonly size: number;
  /** Its name. */
  readonly name: string;
  /** A part of it, as a stream. */
  read(start: number, end: number): ReadableStream<Uint8Array>;
}

/**
 * The payload as a source that can be read from any place, as a file can.
 *
 * @param size How many bytes.
 * @param name Its name.
 * @param from Where in the endless payload it begins, so that several can differ.
 */
export function generatedSource(size: number, name: string, from = 0): GeneratedSource {
  return {
    size,
    name,
    read(start, end) {
      let at = from + start;
      return new ReadableStream<Uint8Array>({
        pull(controller) {
          if (at >= from + end) return controller.close();
          const piece = view(at, from + end);
          at += piece.length;
          controller.enqueue(piece);
        },
      }, { highWaterMark: 0 });
    },
  };
}

const digests = new Map<number, string>();

/**
 * The SHA-256 of the payload, in hexadecimal.
 *
 * @param size How many bytes it has.
 */
export function generatedDigest(size: number): string {
  const known = digests.get(size);
  if (known !== undefined) return known;
  const hash = createHash("sha256");
  for (let at = 0; at < size;) {
    const piece = view(at, size);
    hash.update(piece);
    at += piece.length;
  }
  const digest = hash.digest("hex");
  digests.set(size, digest);
  return digest;
}
