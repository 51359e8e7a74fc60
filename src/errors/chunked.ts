/**
 * Chunked uploads.
 *
 * @module
 */
import type { ResumeToken } from "../_resume_token.ts";

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
  /**
   * Continues the upload as the option `resume` of another call, in another process even; `undefined` where there is
   * nothing to continue: nothing was sent yet, or nobody says what has arrived.
   */
  readonly resumeToken: ResumeToken | undefined;

  /** Names the upload, and how far it got. */
  constructor(
    subject: string,
    progress: {
      uploadId: string;
      confirmedChunks: number;
      chunkCount: number;
      resumeToken?: ResumeToken | undefined;
    },
    cause: unknown,
  ) {
    const { uploadId, confirmedChunks, chunkCount, resumeToken } = progress;
    const words = cause instanceof Error ? cause.message : String(cause);
    const upload = `upload ${uploadId} to ${JSON.stringify(subject)}`;
    super(`${upload} failed with ${confirmedChunks} of ${chunkCount} chunks confirmed: ${words}`, {
      cause,
    });
    this.uploadId = uploadId;
    this.confirmedChunks = confirmedChunks;
    this.chunkCount = chunkCount;
    this.resumeToken = resumeToken;
  }
}

/** A source did not give the bytes that its size says, or failed; `cause` is what it threw, if it did. */
export class SourceError extends Error {
  /** The class name. */
  override readonly name = "SourceError";
  /** How many bytes it should have given. */
  readonly expectedSize: number;
  /** How many bytes it had given when that showed. */
  readonly actualSize: number;

  /** Says what the source did, and names both sizes. */
  constructor(what: string, expectedSize: number, actualSize: number, options?: ErrorOptions) {
    const { cause } = options ?? {};
    const words = cause instanceof Error ? `: ${cause.message}` : "";
    super(
      `the source ${what}: it gave ${actualSize} bytes, its size says ${expectedSize}${words}`,
      options,
    );
    this.expectedSize = expectedSize;
    this.actualSize = actualSize;
  }
}

/**
 * Why an upload cannot be continued:
 *
 * - `changed`: the source is not the one that the upload began with;
 * - `gone`: the stream has lost chunks that it had, or was created again;
 * - `conflict`: the stream has other chunks under the upload's id.
 */
export type ResumeFailure = "changed" | "gone" | "conflict";

/** An upload cannot be continued with this token: it has to be sent anew, under an id of its own. */
export class ResumeError extends Error {
  /** The class name. */
  override readonly name = "ResumeError";
  /** The upload's id. */
  readonly uploadId: string;
  /** Why. */
  readonly reason: ResumeFailure;
  /** What the token says. */
  readonly expected: string | number | undefined;
  /** What was found. */
  readonly actual: string | number | undefined;

  /** Names the upload, says why, and gives both values. */
  constructor(
    uploadId: string,
    reason: ResumeFailure,
    message: string,
    { expected, actual }: { expected?: string | number; actual?: string | number } = {},
    options?: ErrorOptions,
  ) {
    super(`upload ${uploadId} cannot be resumed, it has to start anew: ${message}`, options);
    this.uploadId = uploadId;
    this.reason = reason;
    this.expected = expected;
    this.actual = actual;
  }
}

/** There is no JetStream where a client looks for it: it is not enabled, or its domain or prefix is another one. */
export class JetStreamMissingError extends Error {
  /** The class name. */
  override readonly name = "JetStreamMissingError";
  /** The prefix of the API's subjects that nobody listens to; a domain is part of it. */
  readonly apiPrefix: string;

  /** Names the domain, or the prefix. */
  constructor(apiPrefix: string, options?: ErrorOptions) {
    const [, domain] = /^\$JS\.([^.]+)\.API$/.exec(apiPrefix) ?? [];
    const where = domain !== undefined
      ? `in the domain ${JSON.stringify(domain)}`
      : apiPrefix === "$JS.API"
      ? "on this server, or for this account"
      : `behind the prefix ${JSON.stringify(apiPrefix)}`;
    super(`there is no JetStream ${where}`, options);
    this.apiPrefix = apiPrefix;
  }
}
