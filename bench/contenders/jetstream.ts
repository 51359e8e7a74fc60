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

/** natskit's own window. */
const WINDOW = 16 * 1024 * 1024;

/** @param digest Whether the sender hashes. */
export function jetStreamNatskit(digest: boolean): PublishToStream {
  return async (js, { subject, chunkSize }, payload) => {
    await publishChunked(js, subject, payload, { chunkSize, digest });
  };
}

/**
 * The least that a windowed publisher can be: 16 MiB in flight, the first error ends it.
 *
 * @param digest Whether it hashes, and puts the digest on the last chunk.
 * @param window Bytes in flight; as good as none for one chunk at a time.
 */
export function jetStreamBareLoop(digest: boolean, window: number = WINDOW): PublishToStream {
  return async (js, { subject, chunkSize }, payload) => {
    const most = Math.max(1, Math.floor(window / chunkSize));
    const hash = digest ? createHash("sha256") : undefined;
    const inFlight: Promise<unknown>[] = [];
    const chunks = cut(payload, chunkSize);
    for (const [index, chunk] of chunks.entries()) {
      if (inFlight.length >= most) await inFlight.shift();
      hash?.update(chunk);
      const last = headers();
      if (hash && index === chunks.length - 1) last.set("Digest", hash.digest("hex"));
      const publishing = js.publish(subject, chunk, hash ? { headers: last } : {});
      publishing.catch(() => {}); // told when it is its turn
      inFlight.push(publishing);
    }
    await Promise.all(inFlight);
  };
}
