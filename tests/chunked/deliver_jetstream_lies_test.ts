/** Acknowledgements that do not mean what they seem to, from a client whose every answer the test gives. */
import { assertEquals, assertRejects } from "@std/assert";
import { test } from "node:test";
import { deliverOverJetStream } from "../../src/chunked/_send/deliver_jetstream.ts";
import type { StreamDescription } from "../../src/_jetstream/describe_stream.ts";
import { MessageDroppedError, UploadIdTakenError } from "../../src/errors.ts";
import { FakeClient } from "../jetstream/_fake_client.ts";
import { countingBytes, deliveryOf, MemoryFeed } from "./_feed.ts";

/** A stream that held ten messages when it was looked at. */
const STREAM = {
  facts: { name: "S", config: { retention: "workqueue" }, state: { last_seq: 10 } },
  maxMessageSize: undefined,
  warnings: [],
} as unknown as StreamDescription;

function start(chunks: number): { client: FakeClient; result: Promise<unknown> } {
  const client = new FakeClient();
  const delivery = deliveryOf(new MemoryFeed(countingBytes(chunks * 10), 10), "S.up", {});
  const result = deliverOverJetStream(client.js, delivery, STREAM);
  result.catch(() => {});
  return { client, result };
}

async function refuseOnce(client: FakeClient, index: number): Promise<void> {
  const error = new Error("no answer");
  error.name = "TimeoutError";
  (await client.at(index)).refuse(error);
}

test("deliverOverJetStream() takes the duplicate that a repeat finds for its own", async () => {
  const { client, result } = start(1);
  await refuseOnce(client, 0);
  (await client.at(1)).ack({ seq: 11, duplicate: true });
  assertEquals(await result, { confirmed: true, warnings: [] });
});

test("deliverOverJetStream() never takes a message that is older than the call for its own", async () => {
  const { client, result } = start(1);
  await refuseOnce(client, 0);
  (await client.at(1)).ack({ seq: 10, duplicate: true });
  await assertRejects(() => result, UploadIdTakenError);
});

test("deliverOverJetStream() notices a stream that counts from the start again", async () => {
  for (const again of [11, 1]) {
    const { client, result } = start(3);
    (await client.at(0)).ack({ seq: 11 });
    (await client.at(1)).ack({ seq: 12 });
    (await client.at(2)).ack({ seq: again });
    const error = await assertRejects(() => result, MessageDroppedError);
    assertEquals([error.stream, error.sequence], ["S", again]);
  }
});
