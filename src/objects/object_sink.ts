import { describeSource } from "../_payload_source.ts";
import { requireFunction, requireKnownKeys } from "../_require.ts";
import type { UploadContext, UploadHandler } from "../_upload.ts";
import { LONGEST_WAIT } from "../_wakeup.ts";
import { checkHandle } from "../_jetstream/bucket.ts";
import { checkStoreSettings, storeObject, type StoreSettings } from "./_store_object.ts";
import { checkObjectName } from "./_subjects.ts";
import type { ObjectStore } from "./open_object_store.ts";
import type { StoreBytesOptions } from "./store_bytes.ts";

/** Options of {@linkcode objectSink}. */
export interface ObjectSinkOptions extends Omit<StoreBytesOptions, "signal"> {
  /**
   * Chooses the object's name: any string that is not empty.
   *
   * @default the name that the sender gave it, or the upload's id where it gave none
   */
  name?: (context: UploadContext) => string;
}

const KEYS: readonly (keyof ObjectSinkOptions)[] = [
  "name",
  "description",
  "headers",
  "metadata",
  "chunkSize",
  "timeout",
];

/**
 * Makes an object store the place that uploads are received into: a handler for `receiveChunked`, in constant memory.
 *
 * The object becomes visible in one step, when every byte has come and is verified, in place of the one of this name
 * if there is any: an upload that comes twice is one object. When the upload fails or its signal aborts, the version
 * before stays, and what was stored of the new one is removed. Every official client reads it (ADR-20). The sender's
 * media type is kept as the header `Content-Type`, unless `headers` has one.
 *
 * @param store An object store of `openObjectStore`.
 * @param options The object's name, what to keep with it, and bounds.
 * @returns The handler. It rejects with what `storeBytes` rejects with, and with `SourceError` when the stream fails
 * or has another size than announced; `cause` is the stream's error then.
 * @throws {TypeError} An argument is of another kind than wanted.
 * @throws {RangeError} `chunkSize` or `timeout` cannot work.
 *
 * @example Receive into an object store
 * ```ts
 * import {
 *   connect,
 *   fetchBytes,
 *   objectSink,
 *   openObjectStore,
 *   publishChunked,
 *   receiveChunked,
 * } from "@natskit/natskit";
 *
 * const nc = await connect();
 * const store = await openObjectStore(nc, "inbox", { create: true });
 * const receiver = await receiveChunked({ nc, subject: "inbox" }, objectSink(store));
 * await publishChunked(nc, "inbox", new Uint8Array(5_000_000), { filename: "zeros.bin" });
 * console.log((await fetchBytes(store, "zeros.bin"))?.length);
 * await receiver.stop();
 * await nc.close();
 * ```
 */
export function objectSink(store: ObjectStore, options: ObjectSinkOptions = {}): UploadHandler {
  checkHandle("object store", "openObjectStore", store);
  requireKnownKeys("options", options, KEYS);
  const { name: chooseName, ...given } = options;
  if (chooseName !== undefined) requireFunction("name", chooseName);
  const settings = checkStoreSettings(given);
  return async (stream, context) => {
    const { uploadId, size, filename, contentType, signal } = context;
    try {
      const name = chooseName ? chooseName(context) : filename || uploadId;
      checkObjectName(store, name);
      const described = describeSource("stream", stream, size);
      // How long a sender may pause is the receiver's business: it aborts.
      const open = (stop: AbortSignal) => described.open({ timeout: LONGEST_WAIT, signal: stop });
      await storeObject(store, name, { size, open }, withType(settings, contentType), signal);
    } catch (error) {
      void stream.cancel(error).catch(() => {}); // where it was not read yet
      throw error;
    }
  };
}

function withType(settings: StoreSettings, contentType: string | undefined): StoreSettings {
  const { headers = {} } = settings;
  const hasType = Object.keys(headers).some((name) => name.toLowerCase() === "content-type");
  if (contentType === undefined || hasType) return settings;
  return { ...settings, headers: { ...headers, "Content-Type": [contentType] } };
}
