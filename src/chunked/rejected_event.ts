/**
 * What a receiver refused, and why.
 *
 * @module
 */

/**
 * Why something was refused:
 *
 * - `malformed`: headers that are not those of a chunk: a number that is none, an index out of range, no id;
 * - `conflict`: a chunk that disagrees with what the upload's first chunk said;
 * - `length`: a chunk of the wrong length for its place;
 * - `too-large`: the upload can never fit a fixed limit (`maxUploadBytes`, `maxChunks`, `maxBufferedBytes`);
 * - `digest`: the assembled bytes are not those that the sender hashed;
 * - `taken`: another sender is using the id, or did a moment ago;
 * - `full`: no room at the moment (`maxUploads`, `maxBufferedBytes`);
 * - `evicted`: the upload had sent nothing for five seconds while another one needed its room;
 * - `idle`: no chunk came for `idleTimeout`;
 * - `rejected`: the application rejected the payload (`nak()`), or the upload comes back too soon after a rejection;
 * - `failed`: the handler threw, or was given up after `handlerTimeout`; `error` has what it threw;
 * - `abandoned`: the receiver was closed before the upload had ended.
 */
export type RejectReason =
  | "malformed"
  | "conflict"
  | "length"
  | "too-large"
  | "digest"
  | "taken"
  | "full"
  | "evicted"
  | "idle"
  | "rejected"
  | "failed"
  | "abandoned";

/** One refusal. */
export interface RejectedEvent {
  /** What kind of refusal it is. */
  readonly reason: RejectReason;
  /** The same in words, with the field, what was found and what was wanted. */
  readonly message: string;
  /** Whether the whole upload was refused (and forgotten), or only this chunk, which leaves the upload as it was. */
  readonly scope: "upload" | "chunk";
  /** The upload, in lower-case hyphenated form; absent where the message carries no readable id. */
  readonly uploadId?: string;
  /** The chunk, where it is about one. */
  readonly chunkIndex?: number;
  /** The subject of the message, where it is about one. */
  readonly subject?: string;
  /** What the handler threw, where the reason is `failed`. */
  readonly error?: unknown;
}
