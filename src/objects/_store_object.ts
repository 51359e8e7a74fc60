/**
 * Storing an object: its chunks first, then the metadata that makes it visible.
 *
 * @module
 */
import { nuid } from "@nats-io/nats-core";
import { serverInfo } from "../_connection.ts";
import { writeError } from "../_jetstream/bucket.ts";
import { connectionOf } from "../_jetstream/connection_of.ts";
import { hasName, retryTransient } from "../_retry.ts";
import {
  describe,
  requirePositive,
  requireRecord,
  requireString,
  requireStrings,
  requireTimeout,
} from "../_require.ts";
import { NoProgressError, OutcomeUnknownError } from "../errors.ts";
import { type MetaRecord, readLatin1Meta, toObjectInfo } from "./_meta.ts";
import { publishMeta } from "./_publish_meta.ts";
import { chunkSubject, metaSubject } from "./_subjects.ts";
import { type ChunkSource, writeChunks } from "./_write_chunks.ts";
import type { ObjectInfo } from "./object_info.ts";
import type { ObjectStore } from "./open_object_store.ts";

/** What callers say of an object that is to be stored. */
export interface GivenStoreSettings {
  /** For people. */
  description?: string;
  /** A name may have several values. */
  headers?: Record<string, string | readonly string[]>;
  /** For people and programs. */
  metadata?: Record<string, string>;
  /** Bytes. */
  chunkSize?: number;
  /** Milliseconds. */
  timeout?: number;
}

/** The same, checked, and the caller's no more. */
export interface StoreSettings {
  /** For people. */
  readonly description: string | undefined;
  /** Each name with its values. */
  readonly headers: Record<string, string[]> | undefined;
  /** For people and programs. */
  readonly metadata: Record<string, string> | undefined;
  /** Bytes. */
  readonly chunkSize: number | undefined;
  /** Milliseconds. */
  readonly timeout: number;
}

/** The chunk size where the server allows it, in bytes. */
const CHUNK_SIZE = 1_000_000;

/** What a message may have beside its bytes: its headers count against `max_payload`, too. */
const HEADER_BYTES = 1_024;

/** How long the removal of what a failed write has left is tried for, in milliseconds. */
const CLEAN_UP_TIMEOUT = 5_000;

/**
 * @throws {TypeError} A setting is of another kind than wanted.
 * @throws {RangeError} `chunkSize` or `timeout` cannot work.
 */
export function checkStoreSettings(given: GivenStoreSettings): StoreSettings {
  const { description, headers, metadata, chunkSize, timeout = 30_000 } = given;
  if (description !== undefined) requireString("description", description);
  if (metadata !== undefined) requireStrings("metadata", metadata);
  requireTimeout("timeout", timeout);
  if (chunkSize !== undefined) requirePositive("chunkSize", chunkSize);
  return {
    description,
    headers: headers === undefined ? undefined : toHeaderLists(headers),
    metadata: metadata === undefined ? undefined : { ...metadata },
    chunkSize,
    timeout,
  };
}

/**
 * Stores an object in place of the one of this name; see `storeBytes`, which says what it throws.
 *
 * @param name A name that was checked.
 */
export async function storeObject(
  store: ObjectStore,
  name: string,
  source: ChunkSource,
  settings: StoreSettings,
  signal: AbortSignal | undefined,
): Promise<ObjectInfo> {
  const { description, headers, metadata, timeout } = settings;
  const action = `store the object ${JSON.stringify(name)}`;
  signal?.throwIfAborted();
  const limit = await readMessageLimit(store, action, { timeout, signal });
  const chunkSize = checkChunkSize(settings.chunkSize, limit);
  const id = nuid.next();
  const record: MetaRecord = {
    name,
    ...(description === undefined ? {} : { description }),
    ...(headers === undefined ? {} : { headers }),
    ...(metadata === undefined ? {} : { metadata }),
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

/** Each header with a list of values; one value may stand alone. */
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
