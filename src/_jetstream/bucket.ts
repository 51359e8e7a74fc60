/**
 * What object stores and key-value buckets have in common: a stream with a name of its own kind, and the server's
 * refusals told in terms of the bucket.
 *
 * @module
 */
import type { JetStreamClient, JetStreamManager, StreamInfo } from "@nats-io/jetstream";
import { hasName } from "../_retry.ts";
import { BucketNotFoundError, BucketRefusedError } from "../errors.ts";
import { apiCode } from "./api_code.ts";

/** An opened bucket of either kind. */
export interface Bucket {
  /** What it is called in messages, such as `object store`. */
  readonly kind: string;
  /** The bucket's name. */
  readonly bucket: string;
  /** The name of its stream. */
  readonly stream: string;
  /** The JetStream client that it was opened with. */
  readonly js: JetStreamClient;
  /** The manager that goes with the client. */
  readonly jsm: JetStreamManager;
  /** Whether the stream allows direct gets, which any replica answers. */
  readonly direct: boolean;
}

/** @throws {TypeError} The name is not one that a bucket can have. */
export function checkBucketName(kind: string, bucket: string): void {
  if (typeof bucket !== "string" || !/^[-\w]+$/.test(bucket)) {
    throw new TypeError(
      `${JSON.stringify(bucket)} is no name for a ${kind}: wanted are letters, digits, "_" and "-"`,
    );
  }
}

/** @throws {TypeError} `bucket` is not a handle of that kind. */
export function checkHandle(kind: string, opener: string, bucket: { kind: string }): void {
  if ((bucket as { kind?: string } | null | undefined)?.kind !== kind) {
    throw new TypeError(
      `the first argument is no ${kind} of natskit; wanted is what ${opener}() returns`,
    );
  }
}

/** Server: "stream not found". */
const STREAM_NOT_FOUND = 10059;
/** Server: "stream name already in use with a different configuration". */
const STREAM_NAME_IN_USE = 10058;

/** The stream's information; `null` only if the server says that there is no such stream. */
export async function findStream(
  jsm: JetStreamManager,
  stream: string,
): Promise<StreamInfo | null> {
  try {
    return await jsm.streams.info(stream);
  } catch (error) {
    if (apiCode(error) === STREAM_NOT_FOUND) return null;
    throw error;
  }
}

/**
 * The stream of a bucket, after `create` has run if there was none.
 *
 * @throws {BucketNotFoundError} There is none, and `create` is not given.
 * @throws {BucketRefusedError} The server does not create it like that.
 */
export async function openStream(
  bucket: Omit<Bucket, "direct">,
  create: (() => Promise<unknown>) | undefined,
): Promise<StreamInfo> {
  const existing = await findStream(bucket.jsm, bucket.stream);
  if (existing) return existing;
  if (!create) throw new BucketNotFoundError(bucket.kind, bucket.bucket);
  try {
    await create();
  } catch (error) {
    // Someone else was faster: then the bucket is opened as it is, like any that was there before.
    if (apiCode(error) !== STREAM_NAME_IN_USE) {
      throw refusal(bucket, "does not come into being", error);
    }
  }
  return await bucket.jsm.streams.info(bucket.stream);
}

/**
 * `error` as the caller should see it: what the server says no to is a {@linkcode BucketRefusedError} that names the
 * bucket, a bucket that is gone a {@linkcode BucketNotFoundError}; an outage stays what it is.
 */
export async function writeError(bucket: Bucket, action: string, error: unknown): Promise<unknown> {
  // A publish that nobody answers is an outage of JetStream, or a bucket that was deleted: only the server can tell.
  if (hasName(error, "NoResponders")) {
    const found = await findStream(bucket.jsm, bucket.stream).catch(() => undefined);
    return found === null ? new BucketNotFoundError(bucket.kind, bucket.bucket) : error;
  }
  return refusal(bucket, action, error);
}

/** The same for reads, where the server itself says that the stream is gone. */
export function readError(bucket: Bucket, error: unknown): unknown {
  if (apiCode(error) !== STREAM_NOT_FOUND) return error;
  return new BucketNotFoundError(bucket.kind, bucket.bucket, { cause: error });
}

function refusal(
  { kind, bucket }: Pick<Bucket, "kind" | "bucket">,
  action: string,
  error: unknown,
): unknown {
  const code = apiCode(error);
  if (code === undefined) return error;
  const { message } = error as Error;
  return new BucketRefusedError(kind, bucket, action, message, code, { cause: error });
}
