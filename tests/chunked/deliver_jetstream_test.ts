import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import type { JetStreamManager, StreamConfig } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/nats-core";
import { after, before, test } from "node:test";
import { deliverOverJetStream, messageIdOf } from "../../src/chunked/_send/deliver_jetstream.ts";
import { describeStream } from "../../src/_jetstream/describe_stream.ts";
import { connect } from "../../src/connect/connect.ts";
import { MessageDroppedError, StreamChangedError, UploadIdTakenError } from "../../src/errors.ts";
import { PublishWindow } from "../../src/_jetstream/publish_window.ts";
import type { NatsServer } from "../../src/testing/nats_server.ts";
import { startNatsServer } from "../../src/testing/start_nats_server.ts";
import { countingBytes, deliveryOf, MemoryFeed } from "./_feed.ts";
import { assertStored, deliver, storedChunks } from "./_stored.ts";

let server: NatsServer;
let nc: NatsConnection;
let jsm: JetStreamManager;

before(async () => {
  server = await startNatsServer({
    maxPayload: 8 * 1024 * 1024,
    config: `
      authorization { users: [
        { user: "all", password: "p" }
        { user: "no_info", password: "p", permissions: { publish: { deny: ["$JS.API.>"] } } }
        { user: "no_publish", password: "p", permissions: { publish: { deny: ["FORBIDDEN.>"] } } }
      ] }
    `,
  });
  nc = await connect({ servers: server.url, user: "all", password: "p" });
  jsm = await jetstreamManager(nc);
});

after(async () => {
  await nc?.close();
  await server?.stop();
});

async function addStream(name: string, config: Partial<StreamConfig> = {}): Promise<string> {
  await jsm.streams.add({ name, subjects: [`${name}.>`], ...config });
  return `${name}.up`;
}

test("deliverOverJetStream() stores every chunk once, with its id, the first one first", async () => {
  const subject = await addStream("STORED");
  const payload = countingBytes(2_345_678);
  const feed = new MemoryFeed(payload, 100_000);
  const delivery = deliveryOf(feed, subject, { window: 500_000 });
  const report = await deliver(nc, delivery);
  assertEquals(report, { confirmed: true, warnings: [] });
  await assertStored(jsm, "STORED", feed, payload);
  const all = Array.from({ length: 24 }, (_, index) => index);
  assertEquals(delivery.sent, all);
  assertEquals([...delivery.confirmed].sort((a, b) => a - b), all);
  assertEquals(feed.reads, all);
});

test("deliverOverJetStream() delivers an empty payload as one chunk", async () => {
  const subject = await addStream("EMPTY");
  const feed = new MemoryFeed(new Uint8Array(0), 100);
  const delivery = deliveryOf(feed, subject);
  await deliver(nc, delivery);
  assertEquals(delivery.confirmed, [0]);
  const chunks = await storedChunks(jsm, "EMPTY");
  assertEquals(chunks.map(({ id, data }) => [id, data.length]), [[
    messageIdOf(feed.uploadId, 0),
    0,
  ]]);
});

test("deliverOverJetStream() keeps uploads apart that go to one stream at the same time", async () => {
  const subject = await addStream("TOGETHER");
  const feeds = [1, 2, 3].map(() => new MemoryFeed(countingBytes(500_000), 50_000));
  await Promise.all(feeds.map((feed) => deliver(nc, deliveryOf(feed, subject))));
  const ids = (await storedChunks(jsm, "TOGETHER")).map(({ id }) => id);
  assertEquals(ids.length, 30);
  assertEquals(new Set(ids).size, 30);
});

test("deliverOverJetStream() sends nothing after chunk 0 before that is stored", async () => {
  const subject = await addStream("ALONE");
  const feed = new MemoryFeed(countingBytes(5_000), 1_000);
  const delivery = deliveryOf(feed, subject, {
    onSent: (index) => {
      if (index > 0) assert(delivery.confirmed.includes(0), `chunk ${index} overtook chunk 0`);
    },
  });
  await deliver(nc, delivery);
  assertEquals(delivery.confirmed.length, 5);
});

test("deliverOverJetStream() refuses an id that the stream knows", async () => {
  const subject = await addStream("TAKEN");
  const first = new MemoryFeed(countingBytes(3_000), 1_000);
  await deliver(nc, deliveryOf(first, subject));
  const second = new MemoryFeed(new Uint8Array(3_000), 1_000, first.uploadId);
  const delivery = deliveryOf(second, subject);
  const error = await assertRejects(() => deliver(nc, delivery), UploadIdTakenError);
  assertEquals([error.uploadId, error.stream, error.chunkIndex], [first.uploadId, "TAKEN", 0]);
  assertEquals(delivery.confirmed, []);
  assertEquals((await storedChunks(jsm, "TAKEN")).length, 3);
});

test("deliverOverJetStream() names the stream and the chunk when a later chunk is taken", async () => {
  const subject = await addStream("TAKEN_LATER");
  const feed = new MemoryFeed(countingBytes(5_000), 1_000);
  await jetstream(nc).publish(subject, "x", { msgID: messageIdOf(feed.uploadId, 3) });
  const error = await assertRejects(
    () => deliver(nc, deliveryOf(feed, subject)),
    UploadIdTakenError,
  );
  assertEquals(error.chunkIndex, 3);
});

test("deliverOverJetStream() reports a stream that drops what it acknowledged", async () => {
  const subject = await addStream("DROPPED", { max_msgs: 5 });
  const feed = new MemoryFeed(countingBytes(4_000), 1_000);
  let others: Promise<unknown> = Promise.resolve();
  const delivery = deliveryOf(feed, subject, {
    onConfirmed: (index) => {
      // Somebody else's messages push the first chunk out while the rest is on its way.
      if (index !== 0) return;
      others = Promise.all([1, 2, 3].map(() => jetstream(nc).publish("DROPPED.other", "x")));
    },
  });
  const error = await assertRejects(async () => {
    const js = jetstream(nc);
    const stream = await describeStream(js, subject);
    await deliverOverJetStream(js, delivery, stream);
  }, MessageDroppedError);
  await others;
  assertEquals([error.stream, error.sequence], ["DROPPED", 1]);
});

test("deliverOverJetStream() notices that the subject went over to another stream", async () => {
  await addStream("BEFORE", { subjects: ["moving.>"] });
  const subject = "moving.up";
  const js = jetstream(nc);
  const stream = await describeStream(js, subject);
  await jsm.streams.delete("BEFORE");
  await jsm.streams.add({ name: "AFTER", subjects: ["moving.>"] });
  const feed = new MemoryFeed(countingBytes(3_000), 1_000);
  const error = await assertRejects(
    () => deliverOverJetStream(js, deliveryOf(feed, subject), stream),
    StreamChangedError,
  );
  assertEquals([error.subject, error.expected, error.actual], ["moving.up", "BEFORE", "AFTER"]);
});

test("deliverOverJetStream() goes on with a warning without the permission to ask", async () => {
  const subject = await addStream("UNASKED");
  const other = await connect({ servers: server.url, user: "no_info", password: "p" });
  try {
    const feed = new MemoryFeed(countingBytes(3_000), 1_000);
    const report = await deliver(other, deliveryOf(feed, subject));
    assertEquals(report.confirmed, true);
    assertEquals(report.warnings.length, 1);
    assert(report.warnings[0]!.includes("permission"), report.warnings[0]);
    await assertStored(jsm, "UNASKED", feed, countingBytes(3_000));
  } finally {
    await other.close();
  }
});

test("deliverOverJetStream() fails at once, and by name, without the permission to publish", async () => {
  const subject = await addStream("FORBIDDEN");
  const other = await connect({ servers: server.url, user: "no_publish", password: "p" });
  try {
    const feed = new MemoryFeed(countingBytes(3_000), 1_000);
    const start = performance.now();
    const error = await assertRejects(() => deliver(other, deliveryOf(feed, subject)), Error);
    assertEquals(error.name, "PermissionViolationError");
    assertEquals((error as Error & { subject: string }).subject, "FORBIDDEN.up");
    assert(performance.now() - start < 2_000, "it waited for a timeout");
  } finally {
    await other.close();
  }
});

test("deliverOverJetStream() fails with the feed's error, after what is under way has settled", async () => {
  const subject = await addStream("BROKEN_SOURCE");
  const feed = new MemoryFeed(countingBytes(10 * 100_000), 100_000);
  const broken = new Error("the source broke");
  const read = feed.read.bind(feed);
  feed.read = (index) => index === 6 ? Promise.reject(broken) : read(index);
  const delivery = deliveryOf(feed, subject);
  const error = await assertRejects(() => deliver(nc, delivery));
  assertStrictEquals(error, broken);
  assertEquals(delivery.sent, [0, 1, 2, 3, 4, 5]);
  assertEquals([...delivery.confirmed].sort(), [0, 1, 2, 3, 4, 5]);
  assertEquals((await storedChunks(jsm, "BROKEN_SOURCE")).length, 6);
});

test("deliverOverJetStream() ends with the signal's reason and sends no more", async () => {
  const subject = await addStream("ABORTED");
  const controller = new AbortController();
  const reason = new Error("enough");
  const feed = new MemoryFeed(countingBytes(100 * 10_000), 10_000);
  const delivery = deliveryOf(feed, subject, {
    window: 20_000,
    signal: controller.signal,
    onSent: (index) => {
      if (index === 10) controller.abort(reason);
    },
  });
  const error = await assertRejects(() => deliver(nc, delivery));
  assertStrictEquals(error, reason);
  assertEquals((await storedChunks(jsm, "ABORTED")).length, 11);
  assertEquals(delivery.confirmed.length, 11);
});

test("deliverOverJetStream() fails by name when the connection is closed in the middle", async () => {
  const subject = await addStream("CLOSED");
  const other = await connect({ servers: server.url, user: "all", password: "p" });
  const feed = new MemoryFeed(countingBytes(100 * 10_000), 10_000);
  const delivery = deliveryOf(feed, subject, {
    onSent: (index) => {
      if (index === 10) void other.close();
    },
  });
  const start = performance.now();
  const error = await assertRejects(() => deliver(other, delivery), Error);
  assertEquals(error.name, "ConnectionClosedError");
  assert(performance.now() - start < 2_000);

  const again = await assertRejects(
    async () =>
      await deliverOverJetStream(
        jetstream(other),
        deliveryOf(new MemoryFeed(countingBytes(10), 10), subject),
        { facts: undefined, maxMessageSize: undefined, warnings: [] },
      ),
    Error,
  );
  assertEquals(again.name, "ConnectionClosedError");
});

test("PublishWindow fails by name when a stream that discards new messages becomes full", async () => {
  const subject = await addStream("FULL", { max_msgs: 5, discard: "new" });
  const window = new PublishWindow(jetstream(nc), { window: 10_000, timeout: 20_000 });
  const start = performance.now();
  const error = await assertRejects(async () => {
    for (let n = 0; n < 10; n++) {
      await window.send({ subject, data: new Uint8Array(1_000), msgId: `full:${n}` });
    }
    await window.settled();
  }, Error);
  assertEquals((error as Error & { code: number }).code, 10077);
  assert(performance.now() - start < 2_000);
});
