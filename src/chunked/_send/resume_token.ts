/**
 * Checking the token that continues an upload: it may have been anywhere since it was made.
 *
 * @module
 */
import { isDigest } from "../../_digest.ts";
import { requireRecord } from "../../_require.ts";
import type { ResumeStream, ResumeToken } from "../../_resume_token.ts";
import { parseUploadId } from "../../_upload_id.ts";
import { ResumeError } from "../../errors.ts";
import { MAX_CHUNK_SIZE } from "../_format/chunk_shape.ts";
import { filenameProblem, headerValueProblem } from "../_format/headers.ts";

type Check = (value: unknown) => boolean;

const isCount = (least: number, most = Number.MAX_SAFE_INTEGER): Check => (value) =>
  Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most;
const isText: Check = (value) => typeof value === "string" && value !== "";
const optional = (check: Check): Check => (value) => value === undefined || check(value);
const oneOf = (...known: string[]): Check => (value) => known.includes(value as string);

/** Every field, what it has to be, and that in words. */
const FIELDS: Record<keyof ResumeToken, [check: Check, wanted: string]> = {
  version: [(value) => value === 1, "1"],
  target: [oneOf("core", "jetstream"), '"core" or "jetstream"'],
  subject: [isText, "a subject"],
  layout: [oneOf("one", "per-chunk"), '"one" or "per-chunk"'],
  uploadId: [
    (value) => typeof value === "string" && parseUploadId(value) === value,
    "a lower-case hyphenated UUID",
  ],
  totalSize: [isCount(0), "a whole number from 0"],
  chunkSize: [isCount(1, MAX_CHUNK_SIZE), `a whole number from 1 to ${MAX_CHUNK_SIZE}`],
  confirmedChunks: [isCount(0), "a whole number from 0"],
  digest: [optional((value) => isText(value) && isDigest(value as string)), "SHA-256=<base64url>"],
  payloadDigest: [
    optional((value) => isText(value) && isDigest(value as string)),
    "SHA-256=<base64url>",
  ],
  filename: [
    optional((value) => isText(value) && !filenameProblem(value as string)),
    "a file name",
  ],
  contentType: [
    optional((value) => isText(value) && !headerValueProblem(value as string)),
    "a media type",
  ],
  stream: [optional((value) => typeof value === "object" && value !== null), "an object"],
  createdAt: [isCount(0), "milliseconds since 1970"],
};

const STREAM_FIELDS: Record<keyof ResumeStream, [check: Check, wanted: string]> = {
  name: [isText, "a stream's name"],
  created: [optional(isText), "when the stream was created"],
  firstSequence: [isCount(1), "a whole number from 1"],
  lastSequence: [isCount(0), "a whole number from 0"],
};

/**
 * Makes sure that it is a token that `publishChunked` has made.
 *
 * @throws {TypeError} It is no object, or a field is not what it should be; names the field.
 */
export function checkResumeToken(token: unknown): ResumeToken {
  requireRecord("resume", token);
  requireFields("resume", token, FIELDS);
  const { stream, target, totalSize, chunkSize, confirmedChunks } = token as unknown as ResumeToken;
  if (stream) {
    requireFields("resume.stream", stream as unknown as Record<string, unknown>, STREAM_FIELDS);
  }
  if (target === "jetstream" && !stream) {
    throw new TypeError("resume.stream is undefined, wanted is an object: the target is a stream");
  }
  const chunkCount = Math.max(1, Math.ceil(totalSize / chunkSize));
  if (confirmedChunks > chunkCount) {
    throw new TypeError(
      `resume.confirmedChunks is ${confirmedChunks}, wanted are at most ${chunkCount}, as many as there are`,
    );
  }
  return token as unknown as ResumeToken;
}

/**
 * Makes sure that the call is for the upload that the token is of. What is `undefined` was left for the token to say.
 *
 * @throws {RangeError} It is not; names the field and both values.
 * @throws {ResumeError} The source has another size.
 */
export function requireSameUpload(
  token: ResumeToken,
  call: { readonly [Field in keyof ResumeToken]?: ResumeToken[Field] | undefined },
): void {
  for (const [field, wanted] of Object.entries(call)) {
    if (wanted === undefined || field === "totalSize") continue;
    const found = token[field as keyof ResumeToken];
    if (found === wanted) continue;
    throw new RangeError(
      `resume.${field} is ${show(found)}, this call has ${show(wanted)}: wanted is the same`,
    );
  }
  const { totalSize: expected, uploadId } = token;
  const { totalSize: actual = expected } = call;
  if (actual === expected) return;
  const message = `the source has changed: it has ${actual} bytes, it had ${expected}`;
  throw new ResumeError(uploadId, "changed", message, { expected, actual });
}

function requireFields(
  name: string,
  value: Record<string, unknown>,
  fields: Record<string, [check: Check, wanted: string]>,
): void {
  for (const [field, [check, wanted]] of Object.entries(fields)) {
    if (check(value[field])) continue;
    throw new TypeError(`${name}.${field} is ${show(value[field])}, wanted is ${wanted}`);
  }
}

/** The value as it stands in the token, or the beginning of it. */
function show(value: unknown): string {
  return String(JSON.stringify(value)).slice(0, 200);
}
