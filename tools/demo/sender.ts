/**
 * The process that sends.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { jetstream } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/nats-core";
import {
  type ChunkedReceipt,
  connect,
  kvSet,
  openKv,
  openObjectStore,
  publishChunked,
  type PublishChunkedOptions,
  storeBytes,
} from "../../mod.ts";
import { servePeer } from "../serve_peer.ts";
import { now } from "./now.ts";

/** What the sender says of one step. */
export interface Sent {
  /** When it began, in milliseconds. */
  startedAt: number;
  /** When it knew that it was done. */
  endedAt: number;
  /** How many bytes it was. */
  bytes: number;
  /** In how many pieces. */
  chunks: number;
  /** Their SHA-256, in hexadecimal, where it is not the file's. */
  digest?: string;
}

let nc: NatsConnection;
let data: Uint8Array;
let name: string;

async function timed(work: () => Promise<Omit<Sent, "startedAt" | "endedAt">>): Promise<Sent> {
  const startedAt = now();
  return { ...await work(), startedAt, endedAt: now() };
}

/** Reports at most 20 times a second, and the end. */
function progressTo(report: (bytes: number) => void): PublishChunkedOptions["onProgress"] {
  let reportedAt = 0;
  return ({ confirmedBytes, totalBytes }) => {
    if (now() - reportedAt < 50 && confirmedBytes < totalBytes) return;
    reportedAt = now();
    report(confirmedBytes);
  };
}

function fromReceipt({ totalSize, chunkCount }: ChunkedReceipt): { bytes: number; chunks: number } {
  return { bytes: totalSize, chunks: chunkCount };
}

servePeer({
  async open({ url, path }: { url: string; path: string }) {
    nc = await connect({ servers: url, name: "demo sender" });
    data = readFileSync(path);
    name = basename(path);
  },

  core: ({ subject }: { subject: string }, report) =>
    timed(async () => {
      const onProgress = progressTo(report)!;
      return fromReceipt(await publishChunked(nc, subject, data, { filename: name, onProgress }));
    }),

  jetstream: ({ subject }: { subject: string }, report) =>
    timed(async () => {
      const onProgress = progressTo(report)!;
      const options = { filename: name, onProgress };
      return fromReceipt(await publishChunked(jetstream(nc), subject, data, options));
    }),

  put: ({ bucket }: { bucket: string }) =>
    timed(async () => {
      const store = await openObjectStore(nc, bucket, { create: true });
      const { size, chunks } = await storeBytes(store, name, data);
      return { bytes: size, chunks };
    }),

  set: ({ bucket, key, value }: { bucket: string; key: string; value: string }) =>
    timed(async () => {
      const kv = await openKv(nc, bucket, { create: true, codec: "text" });
      await kvSet(kv, key, value);
      const digest = createHash("sha256").update(value).digest("hex");
      return { bytes: new TextEncoder().encode(value).length, chunks: 1, digest };
    }),
});
