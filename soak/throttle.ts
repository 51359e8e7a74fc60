/**
 * A slow sink.
 *
 * @module
 */
import { pause } from "./wait_for.ts";

/**
 * Lets so many bytes a second through, and holds one piece.
 *
 * @param rate Bytes a second.
 */
export function throttle(rate: number): TransformStream<Uint8Array, Uint8Array> {
  const startedAt = performance.now();
  let bytes = 0;
  return new TransformStream<Uint8Array, Uint8Array>(
    {
      async transform(piece, controller) {
        bytes += piece.length;
        const early = bytes / rate * 1_000 - (performance.now() - startedAt);
        if (early > 0) await pause(early);
        controller.enqueue(piece);
      },
    },
    { highWaterMark: 1 },
    { highWaterMark: 0 },
  );
}
