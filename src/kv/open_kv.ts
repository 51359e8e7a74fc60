import type { JetStreamClient, JetStreamManager, StreamInfo } from "@nats-io/jetstream";
import { Kvm } from "@nats-io/kv";
import type { KvOptions } from "@nats-io/kv";
import type { NatsConnection } from "@nats-io/nats-core";
import { type Codec, type CodecName, type NamedCodec, resolveCodec } from "../_codec.ts";
import { checkBucketName, checkCreate, openStream } from "../_jetstream/bucket.ts";
import {
  JETSTREAM_TARGET_KEYS,
  type JetStreamTargetOptions,
  toJetStreamClient,
} from "../_jetstream/client.ts";
import { requireKnownKeys } from "../_require.ts";

/** What a new key-value bucket is created with. */
export interface KvConfig {
  /** For people. */
  description?: string;
  /**
   * How many values of each key are kept, the newest included: 1 to 64.
   *
   * @default {1}
   */
  history?: number;
  /**
   * How long values live, in milliseconds.
   *
   * @default {0} for ever
   */
  ttl?: number;
  /**
   * Where the values are kept.
   *
   * @default {"file"}
   */
  storage?: "file" | "memory";
  /**
   * On how many servers of a cluster.
   *
   * @default {1}
   */
  replicas?: number;
  /**
   * The bytes that may be stored in all.
   *
   * @default {-1} no limit
   */
  maxBytes?: number;
  /**
   * The bytes that one value may have.
   *
   * @default {-1} what the server's `max_payload` allows
   */
  maxValueSize?: number;
  /**
   * Whether the server compresses what it stores.
   *
   * @default {false}
   */
  compression?: boolean;
  /** For people and programs. */
  metadata?: Record<string, string>;
}

const CONFIG_KEYS: readonly (keyof KvConfig)[] = [
  "description",
  "history",
  "ttl",
  "storage",
  "replicas",
  "maxBytes",
  "maxValueSize",
  "compression",
  "metadata",
];

/** Options of {@linkcode openKv}. */
export interface OpenKvOptions<T> extends JetStreamTargetOptions {
  /**
   * Creates the bucket if there is none, with these settings or (`true`) the defaults. One that is there is opened as
   * it is.
   *
   * @default {false}
   */
  create?: boolean | KvConfig;
  /**
   * How values become bytes and come back. All who use a bucket must agree on it.
   *
   * @default {"json"}
   */
  codec?: CodecName | Codec<T>;
}

/** An opened key-value bucket with values of type `T`: the first argument of the functions that work with it. */
export interface KvBucket<T = unknown> {
  /** What errors call it. */
  readonly kind: "key-value bucket";
  /** Its name. */
  readonly bucket: string;
  /** The name of the stream that it is made of. */
  readonly stream: string;
  /** The JetStream client that it was opened with. */
  readonly js: JetStreamClient;
  /** The manager that goes with the client. */
  readonly jsm: JetStreamManager;
  /** Whether its stream allows direct gets, which any replica answers. */
  readonly direct: boolean;
  /** What stands before a key in the subject that it is read from. */
  readonly readPrefix: string;
  /** What stands before a key in the subject that it is written to. */
  readonly writePrefix: string;
  /** The bytes that one value may have by the bucket's settings; -1 if they say nothing. */
  readonly maxValueSize: number;
  /** How values become bytes and come back. */
  readonly codec: NamedCodec<T>;
}

/**
 * Opens a key-value bucket with strings as values, or creates it when `create` is given.
 *
 * @param target A NATS connection, or a JetStream client.
 * @param bucket The bucket's name: letters, digits, `_` and `-`.
 * @param options `codec: "text"`, whether to create it, and where JetStream is.
 * @returns The handle for {@linkcode kvSet} and {@linkcode kvGet}.
 */
export function openKv(
  target: NatsConnection | JetStreamClient,
  bucket: string,
  options: OpenKvOptions<string> & { codec: "text" },
): Promise<KvBucket<string>>;
/**
 * Opens a key-value bucket with bytes as values, or creates it when `create` is given.
 *
 * @param target A NATS connection, or a JetStream client.
 * @param bucket The bucket's name: letters, digits, `_` and `-`.
 * @param options `codec: "bytes"`, whether to create it, and where JetStream is.
 * @returns The handle for {@linkcode kvSet} and {@linkcode kvGet}.
 */
export function openKv(
  target: NatsConnection | JetStreamClient,
  bucket: string,
  options: OpenKvOptions<Uint8Array> & { codec: "bytes" },
): Promise<KvBucket<Uint8Array>>;
/**
 * Opens a key-value bucket, or creates it when `create` is given.
 *
 * The handle holds nothing open: it lives as long as the connection does, and there is nothing to close. What the
 * bucket holds is taken for `T` on your word.
 *
 * @param target A NATS connection, or a JetStream client.
 * @param bucket The bucket's name: letters, digits, `_` and `-`.
 * @param options Whether to create it, how values become bytes, and where JetStream is.
 * @returns The handle for {@linkcode kvSet} and {@linkcode kvGet}.
 * @throws {BucketNotFoundError} There is none, and `create` is not given.
 * @throws {ConnectionClosedError} The connection is closed.
 * @throws {CoreMismatchError} The connection belongs to another copy of nats-core than natskit's.
 * @throws {BucketRefusedError} The server does not create it like that.
 * @throws {TypeError} The name is no bucket name, or an option cannot be honoured.
 *
 * @example Open a bucket with values of one type, and create it the first time
 * ```ts
 * import { connect, kvGet, kvSet, openKv } from "@natskit/natskit";
 *
 * interface User {
 *   email: string;
 * }
 *
 * const nc = await connect();
 * const users = await openKv<User>(nc, "users", { create: { history: 5 } });
 * await kvSet(users, "ada", { email: "ada@example.org" });
 * console.log((await kvGet(users, "ada"))?.email);
 * await nc.close();
 * ```
 */
export function openKv<T = unknown>(
  target: NatsConnection | JetStreamClient,
  bucket: string,
  options?: OpenKvOptions<T>,
): Promise<KvBucket<T>>;
export async function openKv<T>(
  target: NatsConnection | JetStreamClient,
  bucket: string,
  options: OpenKvOptions<T> = {},
): Promise<KvBucket<T>> {
  requireKnownKeys("options", options, ["create", "codec", ...JETSTREAM_TARGET_KEYS]);
  const { create, codec, ...where } = options;
  const config = checkCreate<KvConfig>(create, CONFIG_KEYS);
  const kind = "key-value bucket";
  checkBucketName(kind, bucket);
  const named = resolveCodec(codec);
  const js = toJetStreamClient(target, where);
  const jsm = await js.jetstreamManager(false);
  const opening = { kind, bucket, stream: `KV_${bucket}`, js, jsm } as const;
  const info = await openStream(
    opening,
    config && (() => new Kvm(js).create(bucket, toOfficialConfig(config))),
  );
  return {
    ...opening,
    ...prefixes(bucket, js, info),
    direct: info.config.allow_direct,
    maxValueSize: info.config.max_msg_size,
    codec: named,
  };
}

/** ADR-8: a mirror holds the subjects of its origin, and writes go to the origin, wherever that is. */
function prefixes(
  bucket: string,
  js: JetStreamClient,
  { config: { mirror } }: StreamInfo,
): { readPrefix: string; writePrefix: string } {
  const readPrefix = `$KV.${mirror ? mirror.name.replace(/^KV_/, "") : bucket}.`;
  const api = mirror?.external?.api || (js.apiPrefix === "$JS.API" ? undefined : js.apiPrefix);
  return { readPrefix, writePrefix: api === undefined ? readPrefix : `${api}.${readPrefix}` };
}

function toOfficialConfig(config: KvConfig): Partial<KvOptions> {
  const { description, history, ttl, storage, replicas, maxBytes, maxValueSize } = config;
  const { compression, metadata } = config;
  const official: Partial<KvOptions> = {};
  if (description !== undefined) official.description = description;
  if (history !== undefined) official.history = history;
  if (ttl !== undefined) official.ttl = ttl;
  if (storage !== undefined) official.storage = storage;
  if (replicas !== undefined) official.replicas = replicas;
  if (maxBytes !== undefined) official.max_bytes = maxBytes;
  if (maxValueSize !== undefined) official.maxValueSize = maxValueSize;
  if (compression !== undefined) official.compression = compression;
  if (metadata !== undefined) official.metadata = { ...metadata };
  return official;
}
