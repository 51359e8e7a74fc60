/**
 * What handlers throw, and what becomes of those that do not end.
 *
 * @module
 */

/**
 * Thrown by a handler to say that no repeat will help: the work is refused for good. Its message is meant for whoever
 * sent the work, and reaches them; the message of any other error does not.
 *
 * @example Refuse an upload for good
 * ```ts
 * import { PermanentError } from "@natskit/natskit";
 *
 * const error = new PermanentError("only images are taken here");
 * console.log(error.name, error.message);
 * ```
 */
export class PermanentError extends Error {
  /** The class name. */
  override readonly name = "PermanentError";

  /** Takes what the sender is told. */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/** A handler took nothing in, and did not end, for `handlerTimeout`. */
export class HandlerTimeoutError extends Error {
  /** The class name. */
  override readonly name = "HandlerTimeoutError";
  /** How long the handler kept its work waiting, in milliseconds. */
  readonly timeout: number;

  /** Names the work and the time. */
  constructor(work: string, timeout: number, options?: ErrorOptions) {
    super(`${work}: the handler made no progress for ${timeout} ms (handlerTimeout)`, options);
    this.timeout = timeout;
  }
}

/** What was being received was given up before it had ended: its time is over, or the receiver leaves. */
export class UploadAbandonedError extends Error {
  /** The class name. */
  override readonly name = "UploadAbandonedError";
  /** The upload's id. */
  readonly uploadId: string;
  /** Why, as `onRejected` names it, such as `idle` or `abandoned`. */
  readonly reason: string;

  /** Names the upload, and why it was given up. */
  constructor(uploadId: string, reason: string, message: string, options?: ErrorOptions) {
    super(`upload ${uploadId} was given up: ${message}`, options);
    this.uploadId = uploadId;
    this.reason = reason;
  }
}
