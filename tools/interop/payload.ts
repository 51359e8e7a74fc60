/**
 * The payloads of `deno task interop`: the same bytes in every language. Works on Deno, Node and Bun.
 *
 * @module
 */
import { createHash } from "node:crypto";

const BLOCK = 65_536;

/**
 * Makes a payload: a block of SHA-256 sums of `seed:0`, `seed:1` and so on, over and over, each copy with its number in its
 * first eight bytes.
 *
 * @param size How many bytes.
 * @param seed What they are made of.
 */
export function makePayload(size: number, seed: number): Uint8Array<ArrayBuffer> {
  const block = new Uint8Array(BLOCK);
  for (let at = 0; at < BLOCK; at += 32) {
    block.set(createHash("sha256").update(`${seed}:${at / 32}`).digest(), at);
  }
  const payload = new Uint8Array(Math.ceil(size / BLOCK) * BLOCK);
  const view = new DataView(payload.buffer);
  for (let at = 0; at < payload.length; at += BLOCK) {
    payload.set(block, at);
    view.setBigUint64(at, BigInt(at / BLOCK));
  }
  return payload.subarray(0, size);
}

/** The SHA-256 of some bytes, in hexadecimal. */
export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
