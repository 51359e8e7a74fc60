/**
 * The metadata record of an object as ADR-20 has it on the wire.
 *
 * @module
 */
import type { StoredMsg } from "@nats-io/jetstream";
import { isBucketName } from "../_jetstream/bucket.ts";
import { readMessage } from "../_jetstream/read_message.ts";
import { ObjectCorruptError } from "../errors.ts";
import { isObjectName, latin1MetaSubject, metaSubject } from "./_subjects.ts";
import type { ObjectInfo } from "./object_info.ts";
import type { ObjectStore } from "./open_object_store.ts";

/** The record's fields. A link has only `name`, `bucket` and `options`; Go clients write `null` where they have none. */
export interface MetaRecord {
  /** The object's name. */
  name: string;
  /** The bucket that it was written to. */
  bucket?: string;
  /** The id of its chunks. */
  nuid?: string;
  /** Bytes. */
  size?: number;
  /** Messages. */
  chunks?: number;
  /** `SHA-256=…` */
  digest?: string;
  /** RFC 3339. */
  mtime?: string;
  /** Set on the record that a delete leaves behind. */
  deleted?: boolean | null;
  /** For people. */
  description?: string | null;
  /** For people and programs. */
  headers?: Record<string, string[]> | null;
  /** For people and programs. */
  metadata?: Record<string, string> | null;
  /** The chunk size, and what a link leads to. */
  options?: {
    /** The chunk size that it was written with. */
    max_chunk_size?: number;
    /** Without `name`, a link to the whole bucket. */
    link?: { bucket: string; name?: string } | null;
  } | null;
}

/** A record with what the server knows of it. */
export interface StoredMeta extends MetaRecord {
  /** Where it is stored. */
  readonly subject: string;
  /** Its stream sequence. */
  readonly revision: number;
  /** When the server stored it. */
  readonly stored: Date;
}

/**
 * The record at a subject, from the stream's leader.
 *
 * @throws {ObjectCorruptError} It cannot be read.
 */
export async function readMetaAt(store: ObjectStore, subject: string): Promise<StoredMeta | null> {
  const message = await readMessage(store, { last_by_subj: subject }, true);
  return message && parseMeta(store.bucket, message);
}

/** The record of an object, wherever a client has put it; also the one that a delete left behind. */
export async function readMeta(store: ObjectStore, name: string): Promise<StoredMeta | null> {
  const meta = await readMetaAt(store, metaSubject(store.bucket, name));
  if (meta?.name === name) return meta;
  return await readLatin1Meta(store, name);
}

/** The record that `@nats-io/obj` keeps where it alone looks for it. */
export async function readLatin1Meta(store: ObjectStore, name: string): Promise<StoredMeta | null> {
  const subject = latin1MetaSubject(store.bucket, name);
  const meta = subject === undefined ? null : await readMetaAt(store, subject);
  return meta?.name === name ? meta : null;
}

function parseMeta(bucket: string, message: StoredMsg): StoredMeta {
  const bad = (problem: string, cause?: unknown): ObjectCorruptError =>
    new ObjectCorruptError(bucket, message.subject, `its metadata ${problem}`, { cause });
  let record: MetaRecord;
  try {
    record = JSON.parse(new TextDecoder().decode(message.data));
  } catch (cause) {
    throw bad("is not JSON", cause);
  }
  if (typeof record !== "object" || record === null || typeof record.name !== "string") {
    throw bad("has no name");
  }
  // The id becomes part of subjects that are read, and purged: a wildcard in it would reach other objects' chunks.
  const { nuid, size = 0 } = record;
  if (nuid && !/^[-\w]+$/.test(nuid)) throw bad(`has the id ${JSON.stringify(nuid)}`);
  if (!Number.isSafeInteger(size) || size < 0) throw bad(`has the size ${JSON.stringify(size)}`);
  const link: unknown = record.options?.link;
  if (link && !isLink(link)) throw bad("has a link that names no object and no object store");
  return { ...record, subject: message.subject, revision: message.seq, stored: message.time };
}

/** Both names become part of subjects; a link to a whole object store has an empty name, or none. */
function isLink(link: unknown): boolean {
  const { bucket, name } = link as { bucket?: unknown; name?: unknown };
  return isBucketName(bucket) &&
    (name === undefined || name === null || name === "" || isObjectName(bucket, name));
}

/** The record as callers see it. */
export function toObjectInfo(bucket: string, meta: StoredMeta): ObjectInfo {
  return {
    bucket,
    name: meta.name,
    size: meta.size ?? 0,
    chunks: meta.chunks ?? 0,
    digest: meta.digest ?? "",
    nuid: meta.nuid ?? "",
    revision: meta.revision,
    modified: writtenAt(meta),
    description: meta.description ?? "",
    headers: meta.headers ?? {},
    metadata: meta.metadata ?? {},
  };
}

/** Go clients leave `mtime` at the year 1 and mean the time of the message. */
function writtenAt({ mtime, stored }: StoredMeta): Date {
  const written = new Date(mtime ?? "");
  return written.getTime() > 0 ? written : stored;
}
