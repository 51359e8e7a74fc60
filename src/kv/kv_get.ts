import type { StoredMsg } from "@nats-io/jetstream";
import { decodeValue } from "../_codec.ts";
import { withDeadline } from "../_deadline.ts";
import { readMessage } from "../_jetstream/read_message.ts";
import { requireBoolean, requireKnownKeys, requireSignal, requireTimeout } from "../_require.ts";
import { hasName } from "../_retry.ts";
import { NoProgressError } from "../errors.ts";
import { checkKey, describeKey } from "./_key.ts";
import type { KvBucket } from "./open_kv.ts";

/** Options of {@linkcode kvGet}. */
export interface KvGetOptions {
  /**
   * Asks the leader of the bucket's stream alone: in a replicated bucket another replica may answer with the value
   * before. Absence is always confirmed with the leader.
   *
   * @default {false}
   */
  consistent?: boolean;
  /** Ends the wait; it then rejects with the signal's reason. */
  signal?: AbortSignal;
  /**
   * The longest wait for the server to answer, in milliseconds.
   *
   * @default {5_000}
   */
  timeout?: number;
}

/**
 * Gets the value of a key.
 *
 * @param kv A bucket of {@linkcode openKv}.
 * @param key The key: letters, digits, `-`, `_`, `/`, `=`, and dots between them; not `=_`.
 * @param options Bounds, and whom to ask.
 * @returns The value, or `undefined` if there is none: never set, deleted, purged or expired. An outage is an error.
 * @throws {DecodeError} What is stored there does not suit the bucket's codec.
 * @throws {BucketNotFoundError} The bucket was deleted.
 * @throws {ConnectionClosedError} The connection is closed.
 * @throws {NoProgressError} The server did not answer in time.
 * @throws {TypeError} An argument is of another kind than wanted.
 * @throws {RangeError} The key is not legal, or `timeout` cannot be waited for.
 *
 * @example Get a value
 * ```ts
 * import { connect, kvGet, kvSet, openKv } from "@natskit/natskit";
 *
 * const nc = await connect();
 * const notes = await openKv(nc, "notes", { create: true, codec: "text" });
 * await kvSet(notes, "today", "water the plants");
 * console.log(await kvGet(notes, "today")); // water the plants
 * console.log(await kvGet(notes, "tomorrow")); // undefined
 * await nc.close();
 * ```
 */
export async function kvGet<T>(
  kv: KvBucket<T>,
  key: string,
  options: KvGetOptions = {},
): Promise<T | undefined> {
  requireKnownKeys("options", options, ["consistent", "signal", "timeout"]);
  const { consistent = false, signal, timeout = 5_000 } = options;
  checkKey(kv, key);
  requireBoolean("consistent", consistent);
  if (signal !== undefined) requireSignal("signal", signal);
  requireTimeout("timeout", timeout);
  const what = describeKey(kv.bucket, key);
  const onTimeout = (cause?: unknown): Error =>
    new NoProgressError(`get ${what}`, timeout, { cause });
  signal?.throwIfAborted();
  try {
    const found = readLive(kv, kv.readPrefix + key, consistent);
    const message = await withDeadline(found, { timeout, signal, onTimeout });
    return message ? decodeValue(kv.codec, message.data, what) : undefined;
  } catch (error) {
    if (signal?.aborted && error === signal.reason) throw error;
    throw hasName(error, "TimeoutError") ? onTimeout(error) : error;
  }
}

async function readLive<T>(
  kv: KvBucket<T>,
  subject: string,
  consistent: boolean,
): Promise<StoredMsg | null> {
  const query = { last_by_subj: subject };
  const message = await readMessage(kv, query, consistent);
  if (!message || !isMarker(message)) return message;
  if (consistent || !kv.direct) return null;
  // A replica that is behind may still show the marker where there is a value again.
  const newest = await readMessage(kv, query, true);
  return newest && !isMarker(newest) ? newest : null;
}

/** ADR-8: what a delete or purge leaves behind, and (ADR-43) what the server leaves behind when a value expires. */
function isMarker({ header }: StoredMsg): boolean {
  const operation = header.get("KV-Operation");
  return operation === "DEL" || operation === "PURGE" || header.has("Nats-Marker-Reason");
}
