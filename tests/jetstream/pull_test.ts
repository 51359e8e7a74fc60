import { AckPolicy, jetstream, jetstreamManager } from "@nats-io/jetstream";
import type { Msg, NatsConnection } from "@nats-io/nats-core";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { test } from "node:test";
import { type PullRequest, type PullTarget, startPull } from "../../src/_jetstream/pull.ts";
import { startNatsServer } from "../../src/testing/mod.ts";
import { connect } from "../../src/connect/connect.ts";
import { useServer } from "../chunked/_server.ts";

const SLOW = { timeout: 30_000 };
const servers = useServer();
const REQUEST: PullRequest = { batch: 10, maxBytes: 100_000, expires: 2_000 };

/** A consumer of a stream with `count` messages of 1,000 bytes. */
async function fill(nc: NatsConnection, stream: string, count: number): Promise<PullTarget> {
  const manager = await jetstreamManager(nc);
  await manager.streams.add({ name: stream, subjects: [stream] });
  await manager.consumers.add(stream, { durable_name: "c", ack_policy: AckPolicy.Explicit });
  const js = jetstream(nc);
  for (let at = 0; at < count; at++) await js.publish(stream, new Uint8Array(1_000));
  return { nc, apiPrefix: "$JS.API", stream, consumer: "c" };
}

test("startPull() is full when all that it asked for came", async () => {
  const target = await fill(await servers.open(), "FULL", 20);
  const messages: Msg[] = [];
  const { ended } = startPull(target, REQUEST, (message) => messages.push(message));
  assertEquals(await ended, { type: "full", received: 10, words: "" });
  assertEquals(messages.length, 10);
  assertEquals(messages[9]!.subject, "FULL");
  assertEquals(messages[9]!.data.length, 1_000);
});

test("startPull() keeps to its bytes, and is full then too", async () => {
  const target = await fill(await servers.open(), "BYTES", 20);
  const end = await startPull(target, { ...REQUEST, maxBytes: 4_500 }, () => {}).ended;
  assertEquals(end.type, "full");
  assert(end.received >= 3 && end.received <= 4, `${end.received} messages`);
  const none = await startPull(target, { ...REQUEST, maxBytes: 500 }, () => {}).ended;
  assertEquals([none.type, none.received], ["full", 0]);
});

test("startPull() expires when nothing more comes in time", async () => {
  const target = await fill(await servers.open(), "EXPIRES", 3);
  const start = performance.now();
  const end = await startPull(target, { ...REQUEST, expires: 1_000 }, () => {}).ended;
  const took = performance.now() - start;
  assertEquals([end.type, end.received], ["expired", 3]);
  assert(took > 900 && took < 3_000, `took ${took} ms`);
});

test("startPull() tells that the consumer was deleted, or is not there", async () => {
  const nc = await servers.open();
  const target = await fill(nc, "DELETED", 0);
  const { ended } = startPull(target, REQUEST, () => {});
  await nc.flush();
  await (await jetstreamManager(nc)).consumers.delete("DELETED", "c");
  assertEquals((await ended).type, "deleted");
  assertEquals((await startPull(target, REQUEST, () => {}).ended).type, "unheard");
});

test("startPull() tells what the consumer does not accept", async () => {
  const nc = await servers.open();
  const target = await fill(nc, "REFUSED", 0);
  await (await jetstreamManager(nc)).consumers.update("REFUSED", "c", { max_batch: 5 });
  const end = await startPull(target, REQUEST, () => {}).ended;
  assertEquals(end.type, "refused");
  assertStringIncludes(end.words, "MaxRequestBatch of 5");
});

test("startPull() takes what is on its way when it is finished", async () => {
  const nc = await servers.open();
  const target = await fill(nc, "FINISHED", 5);
  let count = 0;
  const pull = startPull(target, REQUEST, () => count++);
  await nc.flush();
  pull.finish();
  const end = await pull.ended;
  assertEquals([end.type, end.received], ["expired", count]);
  assertEquals(count, 5);
});

test(
  "startPull() is silent when the heartbeats stay away, or when it is interrupted",
  SLOW,
  async () => {
    await using server = await startNatsServer();
    const nc = await connect({ servers: server.url });
    try {
      const target = await fill(nc, "QUIET", 0);
      const first = startPull(target, REQUEST, () => {});
      first.interrupt();
      assertEquals(await first.ended, { type: "silent", received: 0, words: "" });
      const second = startPull(target, REQUEST, () => {});
      await nc.flush();
      await server.pause();
      const start = performance.now();
      assertEquals((await second.ended).type, "silent");
      assert(performance.now() - start < 4_000);
      await server.resume();
    } finally {
      await nc.close();
    }
  },
);
