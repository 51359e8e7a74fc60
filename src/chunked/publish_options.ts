/**
 * How a payload is published in chunks.
 *
 * @module
 */
import type { MsgHdrs } from "@nats-io/nats-core";
import {
  describe,
  requireBoolean,
  requireFunction,
  requireKnownKeys,
  requirePositive,
  requireSignal,
  requireString,
  requireTimeout,
} from "../_require.ts";
import type { ResumeToken } from "../_resume_token.ts";
import { newUploadId, parseUploadId } from "../_upload_id.ts";
import type { OwnHeaders } from "./_send/chunk_feed.ts";
import { MAX_CHUNK_SIZE } from "./_format/chunk_shape.ts";
import { filenameProblem, headerValueProblem, isProtocolHeader } from "./_format/headers.ts";
import { checkResumeToken } from "./_send/resume_token.ts";

/** How far an upload has got. */
export interface ChunkedProgress {
  /** The upload's id. */
  readonly uploadId: string;
  /** Bytes that were sent, repeats not counted. */
  readonly sentBytes: number;
  /** Bytes that are stored, or taken over by every receiver. */
  readonly confirmedBytes: number;
  /** Bytes of the whole payload. */
  readonly totalBytes: number;
  /** The chunk that this report is about. */
  readonly chunkIndex: number;
  /** How many chunks there are. */
  readonly chunkCount: number;
  /**
   * Continues the upload from here, as the option `resume` of another call. Whoever wants to survive the death of the
   * process keeps the last one. It is made when it is read; `undefined` with `delivery: "unconfirmed"`.
   */
  readonly resumeToken: ResumeToken | undefined;
}

/** The options of `publishChunked`. Sizes in bytes, times in milliseconds. */
export interface PublishChunkedOptions {
  /**
   * The upload's id: any spelling of a UUID.
   * @default a random one
   */
  uploadId?: string;
  /**
   * The name that receivers are given: any Unicode without control characters and outer blanks, at most 1,024 bytes.
   * @default the name of a `File`, otherwise none
   */
  filename?: string;
  /**
   * The media type that receivers are given.
   * @default the type of a `Blob`, otherwise none
   */
  contentType?: string;
  /**
   * The size of every chunk but the last, at most 8,000,000.
   * @default {2_000_000} or what the server and the stream let through, where that is less
   */
  chunkSize?: number;
  /** Own headers, which every chunk carries. Names that the protocol or the server use are refused. */
  headers?: Record<string, string> | MsgHdrs;
  /**
   * The most bytes under way at the same time; receivers may grant less.
   * @default {16_777_216} 16 MiB
   */
  window?: number;
  /**
   * Whether the last chunk carries the SHA-256 of the payload, for the receiver to verify.
   * @default {true}
   */
  digest?: boolean;
  /**
   * The bytes of the whole payload. A `ReadableStream` and an `AsyncIterable` need it, for every chunk announces it; for
   * other sources it is known, and has to be the same.
   */
  size?: number;
  /**
   * Where the chunks of an upload to a stream go: `"one"`, all to the subject; `"per-chunk"`, chunk `i` to
   * `<subject>.<upload id>.<i>`, so that many workers can share the uploads. The latter needs a stream with limits
   * retention that captures `<subject>.*.*`.
   * @default {"one"}
   */
  layout?: "one" | "per-chunk";
  /**
   * Continues an upload that failed, also in another process: the token of `ChunkedPublishError`, or the last one that
   * `onProgress` was given. The source has to be the same one: it is read from its start, and compared by size and
   * digest (with `digest: false`, by size alone). What is there already is not sent again. Options that the token has
   * need not be given; where they are, they have to agree.
   */
  resume?: ResumeToken;
  /**
   * Over core NATS: `"confirmed"` resolves when every receiver said that it has the payload, and needs receivers that
   * speak the credit protocol; `"unconfirmed"` sends to any, without knowing what arrives.
   * @default {"confirmed"}
   */
  delivery?: "confirmed" | "unconfirmed";
  /** Ends the upload: it rejects with `ChunkedPublishError`, whose `cause` is the signal's reason. */
  signal?: AbortSignal;
  /**
   * The longest time without progress; for a total use `AbortSignal.timeout`.
   * @default {30_000}
   */
  timeout?: number;
  /** Told of every chunk that was sent, and again when it is confirmed. What it throws fails the upload. */
  onProgress?: (progress: ChunkedProgress) => void;
}

/** The options with their defaults; what only the source knows is still open. */
export interface CheckedPublishOptions {
  readonly uploadId: string;
  readonly filename: string | undefined;
  readonly contentType: string | undefined;
  readonly chunkSize: number | undefined;
  readonly headers: OwnHeaders;
  readonly window: number;
  readonly digest: boolean;
  readonly layout: "one" | "per-chunk";
  readonly resume: ResumeToken | undefined;
  readonly delivery: "confirmed" | "unconfirmed";
  readonly signal: AbortSignal | undefined;
  readonly timeout: number;
  readonly onProgress: ((progress: ChunkedProgress) => void) | undefined;
}

const KEYS: readonly (keyof PublishChunkedOptions)[] = [
  "uploadId",
  "filename",
  "contentType",
  "chunkSize",
  "headers",
  "window",
  "digest",
  "size",
  "layout",
  "resume",
  "delivery",
  "signal",
  "timeout",
  "onProgress",
];

/**
 * Checks the options and fills in the defaults: of the token, where there is one. Whether that agrees with the rest, and
 * `size` with the source, is checked elsewhere.
 *
 * @param source What the source itself has for a name and a type.
 * @throws {TypeError | RangeError} Names the field, what was found and what is wanted.
 */
export function checkPublishOptions(
  options: PublishChunkedOptions,
  source: { name: string | undefined; contentType: string | undefined },
): CheckedPublishOptions {
  requireKnownKeys("options", options, KEYS);
  const resume = options.resume === undefined ? undefined : checkResumeToken(options.resume);
  const {
    uploadId = resume?.uploadId,
    filename = resume ? resume.filename : source.name,
    contentType = resume ? resume.contentType : source.contentType,
    chunkSize = resume?.chunkSize,
    headers = {},
    window = 16 * 1024 * 1024,
    digest = resume ? resume.digest !== undefined : true,
    layout = resume?.layout ?? "one",
    delivery = "confirmed",
    signal,
    timeout = 30_000,
    onProgress,
  } = options;
  if (filename !== undefined) requireText("filename", filename, filenameProblem);
  if (contentType !== undefined) requireText("contentType", contentType, headerValueProblem);
  if (chunkSize !== undefined) {
    requirePositive("chunkSize", chunkSize);
    if (chunkSize > MAX_CHUNK_SIZE) {
      throw new RangeError(`chunkSize is ${chunkSize}, wanted are at most ${MAX_CHUNK_SIZE} bytes`);
    }
  }
  requirePositive("window", window);
  requireTimeout("timeout", timeout);
  requireBoolean("digest", digest);
  if (resume && digest !== (resume.digest !== undefined)) {
    const found = resume.digest === undefined ? "no digest" : "a digest";
    throw new RangeError(`resume has ${found}, digest is ${digest}: wanted is the same`);
  }
  if (layout !== "one" && layout !== "per-chunk") {
    throw new RangeError(`layout is ${JSON.stringify(layout)}, wanted is "one" or "per-chunk"`);
  }
  if (delivery !== "confirmed" && delivery !== "unconfirmed") {
    throw new RangeError(
      `delivery is ${JSON.stringify(delivery)}, wanted is "confirmed" or "unconfirmed"`,
    );
  }
  if (signal !== undefined) requireSignal("signal", signal);
  if (onProgress !== undefined) requireFunction("onProgress", onProgress);
  return {
    uploadId: checkUploadId(uploadId),
    filename,
    contentType,
    chunkSize,
    headers: checkHeaders(headers),
    window,
    digest,
    layout,
    resume,
    delivery,
    signal,
    timeout,
    onProgress,
  };
}

function checkUploadId(uploadId: string | undefined): string {
  if (uploadId === undefined) return newUploadId();
  requireString("uploadId", uploadId);
  const parsed = parseUploadId(uploadId);
  if (!parsed) {
    throw new RangeError(
      `uploadId is ${JSON.stringify(uploadId.slice(0, 100))}, wanted is a UUID in any spelling`,
    );
  }
  return parsed;
}

function checkHeaders(headers: Record<string, string> | MsgHdrs): OwnHeaders {
  if (typeof headers !== "object" || headers === null) {
    throw new TypeError(
      `headers is ${describe(headers)}, wanted is a record of strings or MsgHdrs`,
    );
  }
  const own: OwnHeaders = Symbol.iterator in headers
    ? [...headers as MsgHdrs]
    : Object.entries(headers as Record<string, string>).map(([name, value]) => [name, [value]]);
  for (const [name, values] of own) {
    // RFC 9110, 5.6.2: a field name is a token.
    if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name)) {
      throw new RangeError(
        `headers has the name ${JSON.stringify(name)}, wanted are letters, digits and "-"`,
      );
    }
    if (isProtocolHeader(name)) {
      throw new RangeError(
        `headers has the name ${JSON.stringify(name)}, which the protocol or the server uses`,
      );
    }
    for (const value of values) {
      requireText(`headers[${JSON.stringify(name)}]`, value, headerValueProblem);
    }
  }
  return own;
}

function requireText(
  name: string,
  value: unknown,
  problemOf: (text: string) => string | undefined,
): asserts value is string {
  requireString(name, value);
  const problem = problemOf(value);
  if (problem) throw new RangeError(`${name} has ${problem}, wanted is what a header can carry`);
}
