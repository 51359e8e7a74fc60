/**
 * Memory of large bodies, used again.
 *
 * @module
 */

/** What is smaller is not worth it. */
const LEAST_BYTES = 64 * 1024;
/** As much is kept at most: a window's worth. */
const MOST_SPARE_BYTES = 16 * 1024 * 1024;

/** Bodies that are in use, and may come back. */
const inUse = new WeakSet<ArrayBufferLike>();
const spare: ArrayBufferLike[] = [];
let spareBytes = 0;

/**
 * Memory for a body that arrives; what is in it is of no meaning. Whoever gets the body need not give it back: then it
 * is collected like any other.
 *
 * @param size Its length in bytes.
 */
export function takeBody(size: number): Uint8Array {
  if (size < LEAST_BYTES) return new Uint8Array(size);
  // Bodies of one upload differ by what their headers count up to: they share one size.
  const capacity = Math.ceil(size / LEAST_BYTES) * LEAST_BYTES;
  const at = spare.findIndex(({ byteLength }) => byteLength === capacity);
  const buffer = at < 0 ? new ArrayBuffer(capacity) : spare.splice(at, 1)[0]!;
  if (at >= 0) spareBytes -= capacity;
  inUse.add(buffer);
  return new Uint8Array(buffer, 0, size);
}

/**
 * Gives the memory of a body back, to be filled again. Only for who is alone with it, and done; other bytes than those
 * of {@linkcode takeBody} are left alone.
 */
export function giveBackBody({ buffer }: Uint8Array): void {
  if (!inUse.delete(buffer)) return;
  if (spareBytes + buffer.byteLength > MOST_SPARE_BYTES) {
    const oldest = spare.shift();
    if (oldest) spareBytes -= oldest.byteLength;
  }
  if (spareBytes + buffer.byteLength > MOST_SPARE_BYTES) return;
  spare.push(buffer);
  spareBytes += buffer.byteLength;
}
