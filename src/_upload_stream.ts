/**
 * What is known of the streams that natskit itself hands to handlers, for its own sinks.
 *
 * @module
 */

/** A stream of one upload. */
export interface UploadStream {
  /** The SHA-256 of all bytes, as `SHA-256=…`, once the stream has ended. */
  digest(): string | undefined;
  /** Tells that a piece is dealt with, so that its memory may be used again. */
  onSpent(piece: Uint8Array): void;
}

const known = new WeakMap<ReadableStream<Uint8Array>, UploadStream>();

/** Makes a stream known. */
export function describeUploadStream(
  stream: ReadableStream<Uint8Array>,
  description: UploadStream,
): void {
  known.set(stream, description);
}

/**
 * What is known of a stream. Whoever reads that very stream to its end is alone with its pieces: it is locked meanwhile,
 * and what `tee` or a transform makes of it is another one.
 */
export function uploadStreamOf(stream: ReadableStream<Uint8Array>): UploadStream | undefined {
  return known.get(stream);
}
