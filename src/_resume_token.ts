/**
 * What is needed to continue an upload, in another process even.
 *
 * @module
 */

/** Where the chunks of an upload are stored. */
export interface ResumeStream {
  /** The stream's name. */
  readonly name: string;
  /** When it was created, as the server says it; absent without the permission to ask. */
  readonly created?: string;
  /** The sequence of chunk 0; before that is known, one from which on it would be found. */
  readonly firstSequence: number;
  /** The highest sequence that a chunk was given; 0 where none was yet. */
  readonly lastSequence: number;
}

/**
 * How far an upload has got, so that it can be continued: plain data, which survives `JSON.stringify`. It tells nothing
 * of the payload but its size, its names and digests.
 */
export interface ResumeToken {
  /** The version of this layout. */
  readonly version: 1;
  /** What the upload went to: receivers over core NATS, or a stream. */
  readonly target: "core" | "jetstream";
  /** The subject that was given. */
  readonly subject: string;
  /** Whether all chunks go to one subject. */
  readonly layout: "one" | "per-chunk";
  /** The upload's id, in lower-case hyphenated form. */
  readonly uploadId: string;
  /** Bytes of the whole payload. */
  readonly totalSize: number;
  /** The size of every chunk but the last. */
  readonly chunkSize: number;
  /** So many chunks from the first one on are where they belong, without a gap. */
  readonly confirmedChunks: number;
  /** The SHA-256 of these chunks, as `SHA-256=<base64url>`; absent with `digest: false`. */
  readonly digest?: string;
  /** The SHA-256 of the whole payload, once it was read to its end. */
  readonly payloadDigest?: string;
  /** The name that receivers are given. */
  readonly filename?: string;
  /** The media type that receivers are given. */
  readonly contentType?: string;
  /** Where the chunks are; absent over core NATS. */
  readonly stream?: ResumeStream;
  /** When the token was made, in milliseconds since 1970. */
  readonly createdAt: number;
}
