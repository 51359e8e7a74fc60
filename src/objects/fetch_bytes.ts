import type { StoredMsg } from "@nats-io/jetstream";
import { createSha256, formatDigest } from "../_digest.ts";
import { openStream } from "../_jetstream/bucket.ts";
import { type MessageQuery, readMessage } from "../_jetstream/read_message.ts";
import { requireKnownKeys, requireSignal, requireTimeout } from "../_require.ts";
import { retryTransient } from "../_retry.ts";
import {
  DigestMismatchError,
  NoProgressError,
  ObjectChangedError,
  ObjectCorruptError,
  ObjectLinkError,
} from "../errors.ts";
import { describeObject } from "../errors/_describe_object.ts";
import { digestMatches } from "./_digest_matches.ts";
import { readMeta, type StoredMeta } from "./_meta.ts";
import { checkObjectName, chunkSubject } from "./_subjects.ts";
import type { ObjectStore } from "./open_object_store.ts";

/** Options of {@linkcode fetchBytes}. */
export interface FetchBytesOptions {
  /** Ends the read; it then rejects with the signal's reason. */
  signal?: AbortSignal;
  /**
   * The longest time without progress, in milliseconds; an outage that ends before is waited out.
   *
   * @default {30_000}
   */
  timeout?: number;
}

/** How many links are followed, one leading to the next, before they are taken for a circle. */
const MAX_LINKS = 8;

/**
 * Fetches an object whole into memory, and checks its digest.
 *
 * A link is followed, also into another object store, without creating anything.
 *
 * @param store An object store of {@linkcode openObjectStore}.
 * @param name The object's name.
 * @param options Bounds.
 * @returns The object's bytes, or `null` if there is no such object, or it was deleted.
 * @throws {DigestMismatchError} The bytes are not those that were stored.
 * @throws {ObjectCorruptError} Chunks are missing, or the size differs.
 * @throws {ObjectChangedError} The object was replaced or deleted while it was read.
 * @throws {ObjectLinkError} The links lead nowhere.
 * @throws {ConnectionClosedError} The connection is closed.
 * @throws {NoProgressError} Nothing moved for `timeout`.
 * @throws {BucketNotFoundError} The object store, or that of a link, is gone.
 * @throws {TypeError} The name is empty, or an argument of another kind than wanted.
 * @throws {RangeError} The name is too long, or `timeout` cannot be waited for.
 *
 * @example Tell an object that is not there from an outage
 * ```ts
 * import { connect, fetchBytes, openObjectStore } from "@natskit/natskit";
 *
 * const nc = await connect();
 * const store = await openObjectStore(nc, "reports", { create: true });
 * const report = await fetchBytes(store, "2026.pdf");
 * if (report === null) console.log("not there");
 * await nc.close();
 * ```
 */
export async function fetchBytes(
  store: ObjectStore,
  name: string,
  options: FetchBytesOptions = {},
): Promise<Uint8Array | null> {
  requireKnownKeys("options", options, ["signal", "timeout"]);
  const { signal, timeout = 30_000 } = options;
  checkObjectName(store, name);
  if (signal !== undefined) requireSignal("signal", signal);
  requireTimeout("timeout", timeout);
  signal?.throwIfAborted();
  const wait: Patience = { action: `fetch the object ${JSON.stringify(name)}`, timeout, signal };
  const target = await followLinks(store, name, wait);
  return target && await readWhole(target.store, target.meta, wait);
}

/** How long to try, and what to say when it was too long. */
interface Patience {
  action: string;
  timeout: number;
  signal: AbortSignal | undefined;
}

interface Target {
  store: ObjectStore;
  meta: StoredMeta;
}

async function followLinks(
  start: ObjectStore,
  startName: string,
  wait: Patience,
): Promise<Target | null> {
  let [store, name] = [start, startName];
  for (let followed = 0; followed <= MAX_LINKS; followed++) {
    const meta = await persist(() => readMeta(store, name), wait);
    if (!meta || meta.deleted) return null;
    const link = meta.options?.link;
    if (!link) return { store, meta };
    if (!link.name) {
      throw new ObjectLinkError(
        store.bucket,
        name,
        `it leads to the object store ${JSON.stringify(link.bucket)} as a whole, not to an object`,
      );
    }
    if (link.bucket !== store.bucket) store = await openLinked(store, link.bucket, wait);
    name = link.name;
  }
  throw new ObjectLinkError(
    start.bucket,
    startName,
    `more than ${MAX_LINKS} links lead from one to the next: they go in a circle`,
  );
}

async function openLinked(from: ObjectStore, bucket: string, wait: Patience): Promise<ObjectStore> {
  const linked = { ...from, bucket, stream: `OBJ_${bucket}` };
  const info = await persist(() => openStream(linked, undefined), wait);
  return { ...linked, direct: info.config.allow_direct };
}

async function readWhole(
  store: ObjectStore,
  meta: StoredMeta,
  wait: Patience,
): Promise<Uint8Array> {
  const { name, size = 0, digest = "" } = meta;
  const hash = await createSha256();
  const bytes = allocate(store, name, size);
  for (let position = 0, sequence = 0; position < size;) {
    const chunk = await readChunk(store, meta, sequence + 1, wait);
    if (!chunk) {
      throw new ObjectCorruptError(
        store.bucket,
        name,
        `chunks are missing: ${position} of ${size} bytes are there`,
      );
    }
    const { data } = chunk;
    if (position + data.length > size) {
      throw new ObjectCorruptError(
        store.bucket,
        name,
        `its chunks hold more than the ${size} bytes that it says it has`,
      );
    }
    hash.update(data);
    bytes.set(data, position);
    position += data.length;
    sequence = chunk.seq;
  }
  const sum = hash.digest();
  if (!digestMatches(digest, sum)) {
    const subject = describeObject(store.bucket, name);
    throw new DigestMismatchError(subject, digest, formatDigest(sum));
  }
  return bytes;
}

function allocate(store: ObjectStore, name: string, size: number): Uint8Array {
  try {
    return new Uint8Array(size);
  } catch (cause) {
    throw new ObjectCorruptError(
      store.bucket,
      name,
      `it says that it has ${size} bytes, more than one array can hold here`,
      { cause },
    );
  }
}

/** The next chunk from a sequence on, or `null` if there is none though the object is still the same. */
async function readChunk(
  store: ObjectStore,
  meta: StoredMeta,
  sequence: number,
  wait: Patience,
): Promise<StoredMsg | null> {
  // An id that is not there names no chunks; an empty token would make the subject illegal.
  if (!meta.nuid) return null;
  const query: MessageQuery = {
    seq: sequence,
    next_by_subj: chunkSubject(store.bucket, meta.nuid),
  };
  const chunk = await persist(() => readMessage(store, query), wait);
  if (chunk) return chunk;
  const now = await persist(() => readMeta(store, meta.name), wait);
  if (now?.nuid === meta.nuid && !now.deleted) return null;
  throw new ObjectChangedError(store.bucket, meta.name);
}

/** Runs `read` again while it fails with what passes by itself, until `timeout` is over. */
function persist<T>(read: () => Promise<T>, { action, timeout, signal }: Patience): Promise<T> {
  const onTimeout = (cause: unknown): Error => new NoProgressError(action, timeout, { cause });
  return retryTransient(read, { timeout, signal, onTimeout });
}
