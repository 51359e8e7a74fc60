/**
 * Reading a web stream to its end, or until it is not wanted any more.
 *
 * @module
 */
import { describe } from "./_require.ts";

/**
 * The pieces of a stream as they come. An abort ends a read that waits; whoever leaves the loop early cancels the
 * stream.
 *
 * @throws The stream's error, or the reason of `signal`.
 * @throws {TypeError} A piece is not bytes.
 */
export async function* readPieces(
  stream: ReadableStream<Uint8Array>,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = stream.getReader();
  let isOver = false;
  // Nobody waits for the source to have cleaned up, which may take as long as it wants.
  const cancel = (): void => void reader.cancel(signal?.reason).catch(() => {});
  signal?.addEventListener("abort", cancel, { once: true });
  try {
    for (;;) {
      signal?.throwIfAborted();
      const { done, value } = await reader.read();
      signal?.throwIfAborted(); // a cancelled stream only ends
      isOver = done;
      if (done) return;
      if (!(value instanceof Uint8Array)) {
        throw new TypeError(`the stream has ${describe(value)}, wanted are Uint8Arrays`);
      }
      yield value;
    }
  } finally {
    signal?.removeEventListener("abort", cancel);
    if (!isOver) cancel();
    reader.releaseLock();
  }
}
