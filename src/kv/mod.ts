/**
 * Values under keys in a bucket, readable by every official client.
 *
 * @module
 */
export { openKv } from "./open_kv.ts";
export type { KvBucket, KvConfig, OpenKvOptions } from "./open_kv.ts";
export { kvSet } from "./kv_set.ts";
export type { KvSetOptions } from "./kv_set.ts";
export { kvGet } from "./kv_get.ts";
export type { KvGetOptions } from "./kv_get.ts";
export type { Codec, CodecName, NamedCodec } from "../_codec.ts";
export type { JetStreamTargetOptions } from "../_jetstream/client.ts";
export {
  BucketNotFoundError,
  BucketRefusedError,
  ConnectionClosedError,
  CoreMismatchError,
  DecodeError,
  NoProgressError,
  ValueTooLargeError,
} from "../errors.ts";
