/** What the tests of the delivery over JetStream share. */
import { assert, assertEquals } from "@std/assert";
import { jetstream, type JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/nats-core";
import { deliverOverJetStream } from "../../src/chunked/_send/deliver_jetstream.ts";
import type { Delivery, DeliveryReport } from "../../src/chunked/_send/delivery.ts";
import { describeStream } from "../../src/_jetstream/describe_stream.ts";
import type { MemoryFeed } from "./_feed.ts";

/** Looks for the stream, then delivers. */
export async function deliver(
  connection: NatsConnection,
  delivery: Delivery,
): Promise<DeliveryReport> {
  const js = jetstream(connection);
  const { subject, timeout, signal } = delivery;
  const stream = await describeStream(js, subject, { timeout, signal });
  return await deliverOverJetStream(js, delivery, stream);
}

/** Reads the whole stream and returns the chunks by index, with how often each is there. */
export async function storedChunks(
  manager: JetStreamManager,
  stream: string,
): Promise<{ index: number; id: string; data: Uint8Array }[]> {
  const { state } = await manager.streams.info(stream);
  const chunks = [];
  for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
    const message = await manager.streams.getMessage(stream, { seq });
    if (!message) continue;
    const { header, data } = message;
    chunks.push({
      index: Number(header.get("X-Chunk-Index")),
      id: header.get("Nats-Msg-Id"),
      data,
    });
  }
  return chunks;
}

/** Asserts that the stream holds each chunk of `payload` once, and chunk 0 first. */
export async function assertStored(
  manager: JetStreamManager,
  stream: string,
  feed: MemoryFeed,
  payload: Uint8Array,
): Promise<void> {
  const chunks = await storedChunks(manager, stream);
  assertEquals(chunks.length, feed.chunkCount);
  assertEquals(chunks[0]?.index, 0);
  const assembled = new Uint8Array(payload.length);
  const seen = new Set<number>();
  let at = 0;
  for (const { index, id, data } of chunks.sort((a, b) => a.index - b.index)) {
    assertEquals(id, `${feed.uploadId}:${index}`);
    seen.add(index);
    assembled.set(data, at);
    at += data.length;
  }
  assertEquals(seen.size, feed.chunkCount);
  assertEquals(at, payload.length);
  assert(payload.every((byte, position) => byte === assembled[position]), "the bytes differ");
}
