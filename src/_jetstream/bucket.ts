/**
 * What object stores and key-value buckets have in common: a stream with a name of its own kind, and the server's
 * refusals told in terms of the bucket.
 *
 * @module
 */
import type { JetStreamClient, JetStreamManager, StreamInfo } from "@nats-io/jetstream";
import { nameClosed } from "../_connection.ts";
import {
  describe,
  requireBoolean,
  requireKnownKeys,
  requireNumber,
  requireString,
  requireStrings,
} from "../_require.ts";
import { hasName } from "../_retry.ts";
import { BucketNotFoundError, BucketRefusedError } from "../errors.ts";
import { apiCode, STREAM_NOT_FOUND } from "./api_code.ts";

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

/** Whether a bucket can have the name. */
export function isBucketName(bucket: unknown): bucket is string {
  return typeof bucket === "string" && /^[-\w]+$/.test(bucket);
}

/** @throws {TypeError} The name is not one that a bucket can have. */
export function checkBucketName(kind: string, bucket: string): void {
  if (!isBucketName(bucket)) {
    throw new TypeError(
      `${JSON.stringify(bucket)} is no name for a ${kind}: wanted are letters, digits, "_" and "-"`,
    );
  }
}

/** The kinds of the settings that a new bucket of either kind may have. */
const SETTINGS: Readonly<Record<string, (name: string, value: unknown) => void>> = {
  description: requireString,
  history: requireNumber,
  ttl: requireNumber,
  storage: (name, value) => {
    if (value === "file" || value === "memory") return;
    const found = typeof value === "string" ? JSON.stringify(value) : describe(value);
    throw new TypeError(`${name} is ${found}, wanted is "file" or "memory"`);
  },
  replicas: requireNumber,
  maxBytes: requireNumber,
  maxValueSize: requireNumber,
  compression: requireBoolean,
  metadata: requireStrings,
};

/**
 * What the option `create` asks for: the settings of a bucket to be created, or `undefined` for none. Which numbers work
 * is the server's to say.
 *
 * @param known The settings of this kind of bucket.
 * @throws {TypeError} It is neither a boolean nor settings, or one of them is not known, or of another kind than wanted.
 */
export function checkCreate<T extends object>(
  create: unknown,
  known: readonly (keyof T & string)[],
): Partial<T> | undefined {
  if (create === undefined || create === false) return undefined;
  if (create === true) return {};
  if (typeof create !== "object" || create === null) {
    throw new TypeError(`create is ${describe(create)}, wanted is a boolean or settings`);
  }
  requireKnownKeys("create", create, known);
  for (const [name, value] of Object.entries(create)) {
    if (value !== undefined) SETTINGS[name]!(`create.${name}`, value);
  }
  return create as Partial<T>;
}

/** @throws {TypeError} `bucket` is not a handle of that kind. */
export function checkHandle(kind: string, opener: string, bucket: { kind: string }): void {
  if ((bucket as { kind?: string } | null | undefined)?.kind !== kind) {
    throw new TypeError(
      `the first argument is no ${kind} of natskit; wanted is what ${opener}() returns`,
    );
  }
}

/** Server: "stream name already in use with a different configuration". */
const STREAM_NAME_IN_USE = 10058;

/**
 * The stream's information; `null` only if the server says that there is no such stream.
 *
 * @throws {ConnectionClosedError} The connection is closed.
 */
export async function findStream(
  jsm: JetStreamManager,
  stream: string,
): Promise<StreamInfo | null> {
  try {
    return await jsm.streams.info(stream);
  } catch (error) {
    if (apiCode(error) === STREAM_NOT_FOUND) return null;
    throw nameClosed(error);
  }
}

/**
 * The stream of a bucket, after `create` has run if there was none.
 *
 * @throws {BucketNotFoundError} There is none, and `create` is not given.
 * @throws {BucketRefusedError} The server does not create it like that.
 * @throws {ConnectionClosedError} The connection is closed.
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
  const created = await findStream(bucket.jsm, bucket.stream);
  if (created) return created;
  throw new BucketNotFoundError(bucket.kind, bucket.bucket);
}

/**
 * `error` as the caller should see it: what the server says no to is a {@linkcode BucketRefusedError} that names the
 * bucket, a bucket that is gone a {@linkcode BucketNotFoundError}, a closed connection a
 * {@linkcode ConnectionClosedError}; an outage stays what it is.
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
  if (apiCode(error) !== STREAM_NOT_FOUND) return nameClosed(error);
  return new BucketNotFoundError(bucket.kind, bucket.bucket, { cause: error });
}

function refusal(
  { kind, bucket }: Pick<Bucket, "kind" | "bucket">,
  action: string,
  error: unknown,
): unknown {
  const code = apiCode(error);
  if (code === undefined) return nameClosed(error);
  const { message } = error as Error;
  return new BucketRefusedError(kind, bucket, action, message, code, { cause: error });
}
