/**
 * The process that receives. It hashes what it was handed itself, so that natskit's own check is checked.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { basename } from "node:path";
import { type ConsumerMessages, jetstream, jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection, Subscription } from "@nats-io/nats-core";
import {
  assembleChunks,
  type ChunkedPayload,
  connect,
  fetchBytes,
  kvGet,
  openKv,
  openObjectStore,
} from "../../mod.ts";
import { servePeer } from "../serve_peer.ts";
import { now } from "./now.ts";

/** What the receiver says of one step. */
export interface Received {
  /** When it had everything, in milliseconds; before it hashed it. */
  endedAt: number;
  /** When it began, where that was its own decision. */
  startedAt?: number;
  /** How many bytes it got. */
  bytes: number;
  /** Their SHA-256, in hexadecimal. */
  digest: string;
}

const PULL_BYTES = 16 * 1024 * 1024;

let nc: NatsConnection;
let size: number;
let name: string;
let arriving: Promise<Received>;

function seen(bytes: Uint8Array): Received {
  const endedAt = now();
  const digest = createHash("sha256").update(bytes).digest("hex");
  return { endedAt, bytes: bytes.length, digest };
}

/** Waits for one payload. */
async function takeOne(messages: Subscription | ConsumerMessages): Promise<Received> {
  const bounds = {
    connection: nc,
    maxUploadBytes: size,
    maxBufferedBytes: size,
    maxChunks: Math.max(1, size),
  };
  const payloads: AsyncIterable<ChunkedPayload> = assembleChunks(messages, bounds);
  for await (const payload of payloads) {
    await payload.ack();
    return seen(payload.data);
  }
  throw new Error("the connection was closed before the payload came");
}

servePeer({
  async open(input: { url: string; path: string; size: number }) {
    nc = await connect({ servers: input.url, name: "demo receiver" });
    name = basename(input.path);
    size = input.size;
  },

  /** Resolves when the server knows of the subscription. */
  async listenCore({ subject }: { subject: string }) {
    arriving = takeOne(nc.subscribe(subject));
    arriving.catch(() => {}); // told by `received`
    await nc.flush();
  },

  async listenJetStream({ stream, subject }: { stream: string; subject: string }) {
    const jsm = await jetstreamManager(nc);
    await jsm.streams.add({ name: stream, subjects: [subject] });
    // A payload's chunks stay unacknowledged until it is whole: the default of 1,000 would not do for a large file.
    await jsm.consumers.add(stream, {
      durable_name: "receiver",
      ack_policy: "explicit",
      max_ack_pending: -1,
    });
    const consumer = await jetstream(nc).consumers.get(stream, "receiver");
    // Pulled by bytes: a hundred messages of 1 MB, the default, are more than the server keeps for a client.
    arriving = takeOne(await consumer.consume({ max_bytes: PULL_BYTES }));
    arriving.catch(() => {}); // told by `received`
  },

  received: () => arriving,

  async get({ bucket }: { bucket: string }): Promise<Received> {
    const startedAt = now();
    const store = await openObjectStore(nc, bucket);
    const bytes = await fetchBytes(store, name);
    if (bytes === null) throw new Error(`there is no object ${name}`);
    return { ...seen(bytes), startedAt };
  },

  async read({ bucket, key }: { bucket: string; key: string }): Promise<Received> {
    const kv = await openKv(nc, bucket, { codec: "text" });
    const value = await kvGet(kv, key);
    if (value === undefined) throw new Error(`there is no key ${key}`);
    return seen(new TextEncoder().encode(value));
  },
});
