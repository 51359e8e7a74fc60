/**
 * The bytes that the benchmark moves.
 *
 * @module
 */
import { createHash } from "node:crypto";

const BLOCK = 65_536;

/**
 * Makes a payload, the same one for the same size: a random block over and over, each copy with its own number, so that
 * no two parts of it are alike and a chunk in the wrong place shows.
 *
 * @param size How many bytes.
 * @returns The payload.
 */
export function createPayload(size: number): Uint8Array<ArrayBuffer> {
  const payload = new Uint8Array(size);
  let state = 0x9e3779b9;
  for (let index = 0; index < Math.min(size, BLOCK); index++) {
    // xorshift32
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    payload[index] = state;
  }
  for (let filled = BLOCK; filled < size; filled *= 2) payload.copyWithin(filled, 0, filled);
  const view = new DataView(payload.buffer);
  for (let offset = BLOCK; offset + 4 <= size; offset += BLOCK) {
    view.setUint32(offset, offset / BLOCK);
  }
  return payload;
}

/** The SHA-256 of some bytes, in hexadecimal. */
export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/**
 * Cuts a payload, without copying.
 *
 * @param payload The whole.
 * @param chunkSize The size of every chunk but the last.
 * @returns The chunks in order; one empty chunk of an empty payload.
 */
export function cut(payload: Uint8Array, chunkSize: number): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let offset = 0; offset < payload.length || offset === 0; offset += chunkSize) {
    chunks.push(payload.subarray(offset, offset + chunkSize));
  }
  return chunks;
}
