/**
 * Objects of any size in an object store (ADR-20), readable by every official client.
 *
 * @module
 */
export { openObjectStore } from "./open_object_store.ts";
export type {
  ObjectStore,
  ObjectStoreConfig,
  OpenObjectStoreOptions,
} from "./open_object_store.ts";
export type { ObjectInfo } from "./object_info.ts";
export { objectSink, type ObjectSinkOptions } from "./object_sink.ts";
export { storeBytes } from "./store_bytes.ts";
export type { StoreBytesOptions } from "./store_bytes.ts";
export { fetchBytes } from "./fetch_bytes.ts";
export type { FetchBytesOptions } from "./fetch_bytes.ts";
export type { UploadContext, UploadHandler } from "../_upload.ts";
export type { JetStreamTargetOptions } from "../_jetstream/client.ts";
export {
  BucketNotFoundError,
  BucketRefusedError,
  ConnectionClosedError,
  CoreMismatchError,
  DigestMismatchError,
  NoProgressError,
  ObjectChangedError,
  ObjectCorruptError,
  ObjectLinkError,
  OutcomeUnknownError,
  SourceError,
} from "../errors.ts";
