/**
 * Ways to publish a payload in chunks to a stream; each resolves when the stream has acknowledged every chunk.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { JetStreamClient } from "@nats-io/jetstream";
import { headers } from "@nats-io/nats-core";
import { publishChunked } from "../../src/chunked/mod.ts";
import { cut } from "../payload.ts";

/** Publishes a payload in chunks of one size. */
export type PublishToStream = (
  js: JetStreamClient,
  transfer: { readonly subject: string; readonly chunkSize: number },
  payload: Uint8Array,
) => Promise<void>;

/** 16 MiB in chunks of 2 MB: natskit's own window. */
const IN_FLIGHT = 8;

/** @param digest Whether the sender hashes. */
export function jetStreamNatskit(digest: boolean): PublishToStream {
  return async (js, { subject, chunkSize }, payload) => {
    await publishChunked(js, subject, payload, { chunkSize, digest });
  };
}

/**
 * The least that a windowed publisher can be: eight chunks in flight, the first error ends it.
 *
 * @param digest Whether it hashes, and puts the digest on the last chunk.
 */
export function jetStreamBareLoop(digest: boolean): PublishToStream {
  return async (js, { subject, chunkSize }, payload) => {
    const hash = digest ? createHash("sha256") : undefined;
    const inFlight = new Set<Promise<void>>();
    const chunks = cut(payload, chunkSize);
    for (const [index, chunk] of chunks.entries()) {
      if (inFlight.size >= IN_FLIGHT) await Promise.race(inFlight);
      hash?.update(chunk);
      const last = headers();
      if (hash && index === chunks.length - 1) last.set("Digest", hash.digest("hex"));
      const publishing = js.publish(subject, chunk, hash ? { headers: last } : {});
      const settled: Promise<void> = publishing.then(() => void inFlight.delete(settled));
      inFlight.add(settled);
    }
    await Promise.all(inFlight);
  };
}
