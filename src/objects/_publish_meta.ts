/**
 * Making an object visible: its metadata replaces, in one step, that of the version before.
 *
 * @module
 */
import { delay, headers, type MsgHdrs } from "@nats-io/nats-core";
import { apiCode } from "../_jetstream/api_code.ts";
import { hasName, isTransient, retryDelay } from "../_retry.ts";
import { BucketRefusedError, NoProgressError, OutcomeUnknownError } from "../errors.ts";
import { type MetaRecord, readMetaAt, type StoredMeta } from "./_meta.ts";
import type { ObjectStore } from "./open_object_store.ts";

/** Server: "wrong last sequence". */
const WRONG_LAST_SEQUENCE = 10071;

/** What became visible, and what it took the place of. */
export interface PublishedMeta {
  /** The stream sequence of the new metadata. */
  revision: number;
  /** The version before, whose chunks nobody needs any more. */
  replaced: StoredMeta | null;
}

/**
 * Publishes the metadata on the condition that the version before is still the one that was read just now: so of many
 * writers at a time each knows which version it replaced, and its chunks are removed by exactly one of them.
 *
 * A lost answer is looked up, and the publish repeated on the same condition, until `timeout` is over.
 *
 * @throws {OutcomeUnknownError} The object may be visible, or may yet become so: its chunks must stay.
 */
export async function publishMeta(
  store: ObjectStore,
  subject: string,
  record: MetaRecord,
  timeout: number,
): Promise<PublishedMeta> {
  const action = `store the object ${JSON.stringify(record.name)}`;
  const body = JSON.stringify(record);
  const deadline = Date.now() + timeout;
  let before = await readMetaAt(store, subject);
  let lost: unknown;
  for (let attempt = 1;; attempt++) {
    checkHolder(store, record.name, before);
    try {
      const expect = { lastSubjectSequence: before?.revision ?? 0 };
      const wait = Math.max(1, deadline - Date.now());
      const ack = await store.js.publish(subject, body, {
        headers: rollup(),
        expect,
        timeout: Math.min(wait, ANSWER_TIMEOUT),
      });
      return { revision: ack.seq, replaced: before };
    } catch (error) {
      const conflict = apiCode(error) === WRONG_LAST_SEQUENCE;
      if (!conflict && isRefusal(error) && lost === undefined) throw error;
      if (!conflict) lost = error;
    }
    const now = await readBack(store, subject, deadline, () => unknown(action, lost));
    if (now && now.nuid === record.nuid) return { revision: now.revision, replaced: before };
    // Others have written since: if the lost publish came through, its chunks are gone with it, so no repeat.
    if (lost !== undefined && now?.revision !== before?.revision) throw unknown(action, lost);
    if (Date.now() >= deadline) {
      throw lost === undefined ? new NoProgressError(action, timeout) : unknown(action, lost);
    }
    before = now;
    // Who lost against another writer may be next at once; who lost an answer gives the server time.
    await delay(retryDelay(attempt, lost === undefined ? { min: 1, max: 20 } : {}));
  }
}

/** The longest wait for the answer to one publish before it is looked up, in milliseconds. */
const ANSWER_TIMEOUT = 5_000;

function unknown(action: string, cause: unknown): OutcomeUnknownError {
  return new OutcomeUnknownError(action, { cause });
}

/** ADR-20: the metadata takes the place of what was there. */
function rollup(): MsgHdrs {
  const header = headers();
  header.set("Nats-Rollup", "sub");
  return header;
}

/** Whether the publish certainly did nothing. */
function isRefusal(error: unknown): boolean {
  return apiCode(error) !== undefined || hasName(error, "PermissionViolationError") ||
    hasName(error, "ClosedConnectionError");
}

/** `@nats-io/obj` takes characters for bytes, so two names can meet in one subject (`é` and `Ã©`). */
function checkHolder(store: ObjectStore, name: string, holder: StoredMeta | null): void {
  if (!holder || holder.deleted || holder.name === name) return;
  throw new BucketRefusedError(
    store.kind,
    store.bucket,
    `does not store ${JSON.stringify(name)}`,
    `another client keeps the object ${JSON.stringify(holder.name)} in its place`,
    WRONG_LAST_SEQUENCE,
  );
}

async function readBack(
  store: ObjectStore,
  subject: string,
  deadline: number,
  unknown: () => Error,
): Promise<StoredMeta | null> {
  for (let attempt = 1;; attempt++) {
    try {
      return await readMetaAt(store, subject);
    } catch (error) {
      if (hasName(error, "BucketNotFoundError")) throw error;
      if (!isTransient(error) || Date.now() >= deadline) throw unknown();
    }
    await delay(retryDelay(attempt));
  }
}
