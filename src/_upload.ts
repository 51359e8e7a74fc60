/**
 * What a receiver hands to whoever takes in an upload: the seam between receiving and storing.
 *
 * @module
 */
import type { MsgHdrs } from "@nats-io/nats-core";

/** What is known of an upload before its first byte is read. */
export interface UploadContext {
  /** The upload's id, in lower-case hyphenated form. */
  readonly uploadId: string;
  /** Bytes of the whole payload. */
  readonly size: number;
  /** The name that the sender gave it; it may contain path separators. */
  readonly filename: string | undefined;
  /** The media type that the sender gave it. */
  readonly contentType: string | undefined;
  /** The sender's own headers, as they were on the first chunk that came. */
  readonly headers: MsgHdrs;
  /** The subject of the first chunk. */
  readonly subject: string;
  /** How often the upload was given to a handler, this time included; over core NATS always 1. */
  readonly deliveryCount: number;
  /** Aborts when the upload is given up: its time is over, its sender is gone, the receiver stops. */
  readonly signal: AbortSignal;
}

/**
 * Takes in one upload. The stream ends only when every byte came and the digest, where the sender announced one, is
 * right; otherwise it errors. Nothing is final before what this returns has resolved.
 */
export type UploadHandler = (
  stream: ReadableStream<Uint8Array>,
  context: UploadContext,
) => void | Promise<void>;
