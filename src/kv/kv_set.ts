import { withDeadline } from "../_deadline.ts";
import { apiCode } from "../_jetstream/api_code.ts";
import { writeError } from "../_jetstream/bucket.ts";
import { connectionOf } from "../_jetstream/connection_of.ts";
import { requireKnownKeys } from "../_require.ts";
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

/** The headers that the client sends with every value, though there are none in it: `NATS/1.0` and two line ends. */
const HEADER_BYTES = 12;

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
 * @throws {NoProgressError} The server did not confirm in time; the value may be stored nevertheless.
 * @throws {TypeError} The codec does not take the value.
 * @throws {RangeError} The key is not legal.
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
  if (!(timeout > 0)) throw new RangeError(`timeout is ${timeout}, wanted is a number above 0`);
  const bytes = kv.codec.encode(value);
  const what = describeKey(kv.bucket, key);
  const maxPayload = connectionOf(kv.js).info?.max_payload;
  if (maxPayload !== undefined && bytes.length > maxPayload - HEADER_BYTES) {
    throw new ValueTooLargeError(what, bytes.length, maxPayload - HEADER_BYTES);
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
      throw new ValueTooLargeError(what, bytes.length, kv.maxValueSize, { cause: error });
    }
    throw await writeError(kv, `does not set ${JSON.stringify(key)}`, error);
  }
}
