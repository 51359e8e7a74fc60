import type { JetStreamClient, JetStreamManager } from "@nats-io/jetstream";
import { nanos } from "@nats-io/nats-core";
import type { NatsConnection } from "@nats-io/nats-core";
import { Objm } from "@nats-io/obj";
import type { ObjectStoreOptions } from "@nats-io/obj";
import { checkBucketName, checkCreate, openStream } from "../_jetstream/bucket.ts";
import {
  JETSTREAM_TARGET_KEYS,
  type JetStreamTargetOptions,
  toJetStreamClient,
} from "../_jetstream/client.ts";
import { requireKnownKeys } from "../_require.ts";

/** What a new object store is created with. */
export interface ObjectStoreConfig {
  /** For people. */
  description?: string;
  /**
   * How long objects live, in milliseconds.
   *
   * @default {0} for ever
   */
  ttl?: number;
  /**
   * Where the objects are kept.
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
   * Whether the server compresses what it stores.
   *
   * @default {false}
   */
  compression?: boolean;
  /** For people and programs. */
  metadata?: Record<string, string>;
}

const CONFIG_KEYS: readonly (keyof ObjectStoreConfig)[] = [
  "description",
  "ttl",
  "storage",
  "replicas",
  "maxBytes",
  "compression",
  "metadata",
];

/** Options of {@linkcode openObjectStore}. */
export interface OpenObjectStoreOptions extends JetStreamTargetOptions {
  /**
   * Creates the object store if there is none, with these settings or (`true`) the defaults. One that is there is
   * opened as it is.
   *
   * @default {false}
   */
  create?: boolean | ObjectStoreConfig;
}

/** An opened object store: the first argument of the functions that work with it. */
export interface ObjectStore {
  /** What errors call it. */
  readonly kind: "object store";
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
}

/**
 * Opens an object store, or creates it when `create` is given.
 *
 * The handle holds nothing open: it lives as long as the connection does, and there is nothing to close.
 *
 * @param target A NATS connection, or a JetStream client.
 * @param bucket The object store's name: letters, digits, `_` and `-`.
 * @param options Whether to create it, and where JetStream is.
 * @returns The handle for {@linkcode storeBytes} and {@linkcode fetchBytes}.
 * @throws {BucketNotFoundError} There is none, and `create` is not given.
 * @throws {ConnectionClosedError} The connection is closed.
 * @throws {CoreMismatchError} The connection belongs to another copy of nats-core than natskit's.
 * @throws {BucketRefusedError} The server does not create it like that.
 * @throws {TypeError} The name is no bucket name, or an option cannot be honoured.
 *
 * @example Open an object store, and create it the first time
 * ```ts
 * import { connect, openObjectStore, storeBytes } from "@natskit/natskit";
 *
 * const nc = await connect();
 * const store = await openObjectStore(nc, "reports", { create: true });
 * await storeBytes(store, "hello.txt", new TextEncoder().encode("hello"));
 * await nc.close();
 * ```
 */
export async function openObjectStore(
  target: NatsConnection | JetStreamClient,
  bucket: string,
  options: OpenObjectStoreOptions = {},
): Promise<ObjectStore> {
  requireKnownKeys("options", options, ["create", ...JETSTREAM_TARGET_KEYS]);
  const { create, ...where } = options;
  const config = checkCreate<ObjectStoreConfig>(create, CONFIG_KEYS);
  const kind = "object store";
  checkBucketName(kind, bucket);
  const js = toJetStreamClient(target, where);
  const jsm = await js.jetstreamManager(false);
  const opening = { kind, bucket, stream: `OBJ_${bucket}`, js, jsm } as const;
  const info = await openStream(
    opening,
    config && (() => new Objm(js).create(bucket, toOfficialConfig(config))),
  );
  return { ...opening, direct: info.config.allow_direct };
}

function toOfficialConfig(config: ObjectStoreConfig): Partial<ObjectStoreOptions> {
  const { description, ttl, storage, replicas, maxBytes, compression, metadata } = config;
  const official: Partial<ObjectStoreOptions> = {};
  if (description !== undefined) official.description = description;
  if (ttl !== undefined) official.ttl = nanos(ttl);
  if (storage !== undefined) official.storage = storage;
  if (replicas !== undefined) official.replicas = replicas;
  if (maxBytes !== undefined) official.max_bytes = maxBytes;
  if (compression !== undefined) official.compression = compression;
  if (metadata !== undefined) official.metadata = { ...metadata };
  return official;
}
