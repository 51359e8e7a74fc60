/**
 * Chunked uploads.
 *
 * @module
 */

/** The stream has a chunk of that upload id already, from somebody else or from an earlier call. */
export class UploadIdTakenError extends Error {
  /** The class name. */
  override readonly name = "UploadIdTakenError";
  /** The id. */
  readonly uploadId: string;
  /** The stream's name. */
  readonly stream: string;
  /** The index of the chunk that was there before. */
  readonly chunkIndex: number;

  /** Names the id, the stream and the chunk. */
  constructor(uploadId: string, stream: string, chunkIndex: number, options?: ErrorOptions) {
    super(
      `upload id ${uploadId} is taken: stream ${
        JSON.stringify(stream)
      } has its chunk ${chunkIndex} already, ` +
        "and did not store this one; wanted is an id of its own for every upload",
      options,
    );
    this.uploadId = uploadId;
    this.stream = stream;
    this.chunkIndex = chunkIndex;
  }
}

/**
 * Why no receiver took an upload over core NATS:
 *
 * - `absent`: nobody is subscribed;
 * - `mute`: somebody is, but grants no credit;
 * - `silent`: a receiver that took part does not answer any more;
 * - `rejected`: a receiver refused the upload;
 * - `taken`: the upload's id is in use, or was completed before;
 * - `queue-group`: the chunks went to different receivers;
 * - `restarted`: the receiver lost what it had, and the source cannot be read again.
 */
export type ReceiverFailure =
  | "absent"
  | "mute"
  | "silent"
  | "rejected"
  | "taken"
  | "queue-group"
  | "restarted";

/** No receiver took the upload over core NATS. */
export class ReceiverError extends Error {
  /** The class name. */
  override readonly name = "ReceiverError";
  /** Why. */
  readonly reason: ReceiverFailure;

  /** Says why, in a code and in words. */
  constructor(reason: ReceiverFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/** A chunked upload failed or was aborted; `cause` says why. */
export class ChunkedPublishError extends Error {
  /** The class name. */
  override readonly name = "ChunkedPublishError";
  /** The upload's id. */
  readonly uploadId: string;
  /** How many chunks are where they belong: stored, or taken over by every receiver. */
  readonly confirmedChunks: number;
  /** How many chunks there are; 0 when it was aborted before the payload was cut. */
  readonly chunkCount: number;

  /** Names the upload, and how far it got. */
  constructor(
    subject: string,
    progress: { uploadId: string; confirmedChunks: number; chunkCount: number },
    cause: unknown,
  ) {
    const { uploadId, confirmedChunks, chunkCount } = progress;
    const words = cause instanceof Error ? cause.message : String(cause);
    const upload = `upload ${uploadId} to ${JSON.stringify(subject)}`;
    super(`${upload} failed with ${confirmedChunks} of ${chunkCount} chunks confirmed: ${words}`, {
      cause,
    });
    this.uploadId = uploadId;
    this.confirmedChunks = confirmedChunks;
    this.chunkCount = chunkCount;
  }
}
