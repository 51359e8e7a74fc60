import { withDeadline } from "../_deadline.ts";
import { apiCode } from "../_jetstream/api_code.ts";
import { findStream, writeError } from "../_jetstream/bucket.ts";
import { connectionOf } from "../_jetstream/connection_of.ts";
import { requireKnownKeys, requireSignal, requireTimeout } from "../_require.ts";
import { hasName } from "../_retry.ts";
import { NoProgressError, ValueTooLargeError } from "../errors.ts";
import { checkKey, describeKey } from "./_key.ts";
import type { KvBucket } from "./open_kv.ts";

/** Options of {@linkcode kvSet}. */
export interface KvSetOptions {
  /**
   * Ends the wait; it then rejects with the signal's reason. What was sent may be stored nevertheless.
   */
  signal?: AbortSignal;
  /**
   * The longest wait for the server to confirm, in milliseconds.
   *
   * @default {5_000}
   */
  timeout?: number;
}

/** Server: "message size exceeds maximum allowed". */
const MESSAGE_TOO_LARGE = 10054;

/**
 * Sets the value of a key, whatever it was before. Resolves once the server has stored it.
 *
 * @param kv A bucket of {@linkcode openKv}.
 * @param key The key: letters, digits, `-`, `_`, `/`, `=`, and dots between them; not `=_`.
 * @param value The value; it must suit the bucket's codec.
 * @param options Bounds.
 * @returns The revision of the value: it grows with every change in the bucket.
 * @throws {ValueTooLargeError} The value does not fit into one message.
 * @throws {BucketRefusedError} The bucket is full, or sealed.
 * @throws {BucketNotFoundError} The bucket was deleted.
 * @throws {ConnectionClosedError} The connection is closed.
 * @throws {NoProgressError} The server did not confirm in time; the value may be stored nevertheless.
 * @throws {TypeError} The codec does not take the value, or an option is of another kind than wanted.
 * @throws {RangeError} The key is not legal, or `timeout` cannot be waited for.
 *
 * @example Set a value
 * ```ts
 * import { connect, kvSet, openKv } from "@natskit/natskit";
 *
 * const nc = await connect();
 * const settings = await openKv(nc, "settings", { create: true });
 * const revision = await kvSet(settings, "colours.dark", { background: "#111" });
 * console.log(revision);
 * await nc.close();
 * ```
 */
export async function kvSet<T>(
  kv: KvBucket<T>,
  key: string,
  value: T,
  options: KvSetOptions = {},
): Promise<number> {
  requireKnownKeys("options", options, ["signal", "timeout"]);
  const { signal, timeout = 5_000 } = options;
  checkKey(kv, key);
  if (signal !== undefined) requireSignal("signal", signal);
  requireTimeout("timeout", timeout);
  const bytes = kv.codec.encode(value);
  const what = describeKey(kv.bucket, key);
  const maxPayload = connectionOf(kv.js).info?.max_payload;
  if (maxPayload !== undefined && bytes.length > maxPayload) {
    throw new ValueTooLargeError(what, bytes.length, maxPayload);
  }
  signal?.throwIfAborted();
  const onTimeout = (cause?: unknown): Error =>
    new NoProgressError(`set ${what}`, timeout, { cause });
  try {
    const publish = kv.js.publish(kv.writePrefix + key, bytes, { timeout });
    const { seq } = await withDeadline(publish, { timeout, signal, onTimeout });
    return seq;
  } catch (error) {
    if (signal?.aborted && error === signal.reason) throw error;
    if (hasName(error, "TimeoutError")) throw onTimeout(error);
    if (apiCode(error) === MESSAGE_TOO_LARGE) {
      throw new ValueTooLargeError(what, bytes.length, await valueLimit(kv), { cause: error });
    }
    throw await writeError(kv, `does not set ${JSON.stringify(key)}`, error);
  }
}

/** The limit may have been set, or changed, since the bucket was opened. */
async function valueLimit<T>(kv: KvBucket<T>): Promise<number> {
  const info = await findStream(kv.jsm, kv.stream).catch(() => null);
  return info?.config.max_msg_size ?? kv.maxValueSize;
}
