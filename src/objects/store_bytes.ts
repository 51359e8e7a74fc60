import { requireKnownKeys, requireSignal } from "../_require.ts";
import { toRangeSource } from "../_source.ts";
import { checkObjectName } from "./_subjects.ts";
import { checkStoreSettings, storeObject } from "./_store_object.ts";
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
  const { signal, ...given } = options;
  checkObjectName(store, name);
  const source = toRangeSource("data", data);
  if (signal !== undefined) requireSignal("signal", signal);
  const settings = checkStoreSettings(given);
  return await storeObject(
    store,
    name,
    { size: source.size, open: () => source },
    settings,
    signal,
  );
}
