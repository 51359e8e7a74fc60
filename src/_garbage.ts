/**
 * Collecting garbage in time, where the runtime would let it grow.
 *
 * @module
 */

/**
 * How many bytes may pass between two collections. Bun's collector waits until the garbage has some part of the size of
 * what is alive, payloads included: beside one of 1 GB, hundreds of megabytes of packed frames. Every frame then gets
 * memory that was never used before, which costs more than collecting does (measured with frames of 2 MB: a third of the
 * page faults, a tenth of the processor time less).
 */
const COLLECT_AFTER_BYTES = 32_000_000;

interface Host {
  Bun?: { gc?: (wait: boolean) => unknown };
}

let passed = 0;

/**
 * Counts bytes that went through this process in short-lived buffers of the client, and on Bun asks for a collection now
 * and then, without waiting for it. Elsewhere it does nothing: V8 counts such buffers itself.
 *
 * @param bytes The length of what was published or received.
 */
export function countGarbage(bytes: number): void {
  passed += bytes;
  if (passed < COLLECT_AFTER_BYTES) return;
  passed = 0;
  (globalThis as Host).Bun?.gc?.(false);
}
