import { nuid } from "@nats-io/nats-core";
import { serverInfo } from "../_connection.ts";
import { writeError } from "../_jetstream/bucket.ts";
import { connectionOf } from "../_jetstream/connection_of.ts";
import { hasName, retryTransient } from "../_retry.ts";
import {
  describe,
  requireKnownKeys,
  requirePositive,
  requireRecord,
  requireSignal,
  requireString,
  requireStrings,
  requireTimeout,
} from "../_require.ts";
import { toRangeSource } from "../_source.ts";
import { NoProgressError, OutcomeUnknownError } from "../errors.ts";
import { type MetaRecord, readLatin1Meta, toObjectInfo } from "./_meta.ts";
import { publishMeta } from "./_publish_meta.ts";
import { checkObjectName, chunkSubject, metaSubject } from "./_subjects.ts";
import { writeChunks } from "./_write_chunks.ts";
import type { ObjectInfo } from "./object_info.ts";
import type { ObjectStore } from "./open_object_store.ts";

/** Options of {@linkcode storeBytes}. */
export interface StoreBytesOptions {
  /** For people. */
  description?: string;
  /** Headers to keep with the object; a name may have several values. */
  headers?: Record<string, string | readonly string[]>;
  /** Metadata to keep with the object. */
  metadata?: Record<string, string>;
  /**
   * The size of one stored message, in bytes.
   *
   * @default {1_000_000} or what the server's `max_payload` allows
   */
  chunkSize?: number;
  /** Ends the write; it then rejects with the signal's reason, and the version before stays. */
  signal?: AbortSignal;
  /**
   * The longest wait for the server to confirm a chunk, in milliseconds.
   *
   * @default {30_000}
   */
  timeout?: number;
}

const KEYS: readonly (keyof StoreBytesOptions)[] = [
  "description",
  "headers",
  "metadata",
  "chunkSize",
  "signal",
  "timeout",
];

/** The chunk size where the server allows it, in bytes. */
const CHUNK_SIZE = 1_000_000;

/** What a message may have beside its bytes: its headers count against `max_payload`, too. */
const HEADER_BYTES = 1_024;

/** How long the removal of what a failed write has left is tried for, in milliseconds. */
const CLEAN_UP_TIMEOUT = 5_000;

/**
 * Stores an object whole, in place of the one of this name if there is any.
 *
 * The version before can be read until the new one is stored completely, and is then replaced in one step. If the
 * write fails, it stays, and what was stored of the new one is removed as far as the server can be reached. Every
 * official client reads what this function has written (ADR-20).
 *
 * @param store An object store of {@linkcode openObjectStore}.
 * @param name The object's name: any string that is not empty.
 * @param data The bytes. They must not be changed before the promise settles.
 * @param options What to keep with the object, and bounds.
 * @returns What is known of the stored object.
 * @throws {BucketRefusedError} The object store is sealed or full.
 * @throws {BucketNotFoundError} The object store was deleted.
 * @throws {ConnectionClosedError} The connection is closed.
 * @throws {NoProgressError} The server did not confirm a chunk in time.
 * @throws {OutcomeUnknownError} The last answer was lost: the object may be stored, or not.
 * @throws {TypeError} An argument is of another kind than wanted.
 * @throws {RangeError} The name is too long, or `chunkSize` or `timeout` cannot work.
 *
 * @example Store and fetch
 * ```ts
 * import { connect, fetchBytes, openObjectStore, storeBytes } from "@natskit/natskit";
 *
 * const nc = await connect();
 * const store = await openObjectStore(nc, "reports", { create: true });
 * const info = await storeBytes(store, "zeros.bin", new Uint8Array(3_000_000), {
 *   description: "three million zeros",
 * });
 * console.log(info.size, info.chunks, info.digest);
 * console.log((await fetchBytes(store, "zeros.bin"))?.length);
 * await nc.close();
 * ```
 */
export async function storeBytes(
  store: ObjectStore,
  name: string,
  data: Uint8Array | Blob,
  options: StoreBytesOptions = {},
): Promise<ObjectInfo> {
  requireKnownKeys("options", options, KEYS);
  const { description, headers, metadata, signal, timeout = 30_000 } = options;
  checkObjectName(store, name);
  const source = toRangeSource("data", data);
  if (description !== undefined) requireString("description", description);
  if (metadata !== undefined) requireStrings("metadata", metadata);
  if (signal !== undefined) requireSignal("signal", signal);
  requireTimeout("timeout", timeout);
  if (options.chunkSize !== undefined) requirePositive("chunkSize", options.chunkSize);
  const headerLists = headers === undefined ? undefined : toHeaderLists(headers);
  const action = `store the object ${JSON.stringify(name)}`;
  signal?.throwIfAborted();
  const limit = await readMessageLimit(store, action, { timeout, signal });
  const chunkSize = checkChunkSize(options.chunkSize, limit);
  const id = nuid.next();
  const record: MetaRecord = {
    name,
    ...(description === undefined ? {} : { description }),
    ...(headerLists && { headers: headerLists }),
    ...(metadata === undefined ? {} : { metadata: { ...metadata } }),
    options: { max_chunk_size: chunkSize },
    bucket: store.bucket,
    nuid: id,
    size: source.size,
  };
  checkRecordSize(record, limit);

  const chunks = chunkSubject(store.bucket, id);
  try {
    Object.assign(record, await writeChunks(store, chunks, source, { chunkSize, timeout, signal }));
    record.mtime = new Date().toISOString();
    record.deleted = false;
    // From here on an abort could no longer say whether the object is there.
    signal?.throwIfAborted();
    const subject = metaSubject(store.bucket, name);
    const { revision, replaced } = await publishMeta(store, subject, record, timeout);
    await removeReplaced(store, name, replaced?.nuid, timeout);
    return toObjectInfo(store.bucket, { ...record, subject, revision, stored: new Date() });
  } catch (error) {
    if (error instanceof OutcomeUnknownError) throw error;
    await removeChunks(store, chunks, timeout);
    if (signal?.aborted && error === signal.reason) throw error;
    if (error instanceof NoProgressError || hasName(error, "TimeoutError")) {
      throw new NoProgressError(action, timeout, { cause: error });
    }
    throw await writeError(store, `does not ${action}`, error);
  }
}

/** How many bytes a message may have beside its headers: the server says it, also the one that is yet to come back. */
async function readMessageLimit(
  store: ObjectStore,
  action: string,
  bounds: { timeout: number; signal: AbortSignal | undefined },
): Promise<number> {
  try {
    return (await serverInfo(connectionOf(store.js), bounds)).max_payload - HEADER_BYTES;
  } catch (error) {
    if (!(error instanceof NoProgressError)) throw error;
    throw new NoProgressError(action, bounds.timeout, { cause: error });
  }
}

function checkChunkSize(chunkSize: number | undefined, limit: number): number {
  if (chunkSize === undefined) return Math.min(CHUNK_SIZE, limit);
  if (chunkSize <= limit) return chunkSize;
  throw new RangeError(
    `chunkSize is ${chunkSize}, wanted is a whole number from 1 to ${limit}, what the server's max_payload leaves`,
  );
}

/** The metadata is one message; digest, counts and time still come to it. */
function checkRecordSize(record: MetaRecord, limit: number): void {
  const size = new TextEncoder().encode(JSON.stringify(record)).length + 256;
  if (size > limit) {
    throw new RangeError(
      `description, headers and metadata of ${
        JSON.stringify(record.name)
      } take ${size} bytes, and ${limit} fit`,
    );
  }
}

function toHeaderLists(
  headers: Record<string, string | readonly string[]>,
): Record<string, string[]> {
  requireRecord("headers", headers);
  const lists = Object.entries(headers).map(([name, values]): [string, string[]] => {
    const list: readonly unknown[] = Array.isArray(values) ? values : [values];
    for (const value of list) {
      if (typeof value === "string") continue;
      const field = `headers[${JSON.stringify(name)}]`;
      throw new TypeError(`${field} has ${describe(value)}, wanted is a string or several`);
    }
    return [name, [...list] as string[]];
  });
  return Object.fromEntries(lists);
}

/** The new version is there already: what of the old one cannot be removed now is garbage, not an error. */
async function removeReplaced(
  store: ObjectStore,
  name: string,
  old: string | undefined,
  timeout: number,
): Promise<void> {
  if (old) await removeChunks(store, chunkSubject(store.bucket, old), timeout);
  const latin1 = await readLatin1Meta(store, name).catch(() => null);
  if (!latin1) return;
  await removeChunks(store, latin1.subject, timeout);
  if (latin1.nuid) await removeChunks(store, chunkSubject(store.bucket, latin1.nuid), timeout);
}

async function removeChunks(store: ObjectStore, subject: string, timeout: number): Promise<void> {
  const bound = Math.min(timeout, CLEAN_UP_TIMEOUT);
  const remove = () => store.jsm.streams.purge(store.stream, { filter: subject });
  const onTimeout = (): Error => new NoProgressError(`remove the chunks at ${subject}`, bound);
  await retryTransient(remove, { timeout: bound, onTimeout }).catch(() => {});
}
