import { assert, assertEquals, assertRejects } from "@std/assert";
import { jetstream, jetstreamManager, type PubAck } from "@nats-io/jetstream";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { deliverOverJetStream, messageIdOf } from "../../src/chunked/_send/deliver_jetstream.ts";
import { describeStream } from "../../src/_jetstream/describe_stream.ts";
import { connect } from "../../src/connect/connect.ts";
import { NoProgressError, UploadIdTakenError } from "../../src/errors.ts";
import { startNatsServer } from "../../src/testing/start_nats_server.ts";
import { countingBytes, deliveryOf, MemoryFeed } from "./_feed.ts";
import { assertStored, deliver, storedChunks } from "./_stored.ts";

const MB = 1_000_000;
/** Every test starts servers of its own, and breaks them: Bun gives a test five seconds by default. */
const SLOW = { timeout: 60_000 };

test(
  "deliverOverJetStream() fails when a silent server acknowledges nothing for the timeout",
  SLOW,
  async () => {
    await using silent = await startNatsServer();
    const other = await connect({ servers: silent.url });
    try {
      const manager = await jetstreamManager(other);
      await manager.streams.add({ name: "SILENT", subjects: ["SILENT.>"] });
      let paused: Promise<void> | undefined;
      const feed = new MemoryFeed(countingBytes(20 * 10_000), 10_000);
      const delivery = deliveryOf(feed, "SILENT.up", {
        window: 50_000,
        timeout: 1_500,
        onSent: (index) => {
          if (index === 5) paused ??= silent.pause();
        },
      });
      const start = performance.now();
      const error = await assertRejects(() => deliver(other, delivery), NoProgressError);
      const took = performance.now() - start;
      assertEquals(error.timeout, 1_500);
      assertEquals((error.cause as Error).name, "TimeoutError");
      assert(took > 1_400 && took < 10_000, `took ${took} ms`);
      await paused;
      await silent.resume();
    } finally {
      await other.close();
    }
  },
);

test(
  "deliverOverJetStream() survives a server that is silent for a while, without doubles",
  SLOW,
  async () => {
    await using slow = await startNatsServer();
    const other = await connect({ servers: slow.url });
    try {
      const manager = await jetstreamManager(other);
      await manager.streams.add({ name: "SLOW", subjects: ["SLOW.>"] });
      const payload = countingBytes(30 * 10_000);
      const feed = new MemoryFeed(payload, 10_000);
      const js = jetstream(other);
      const stream = await describeStream(js, "SLOW.up");
      let wakening: Promise<void> | undefined;
      const published = new Map<string, number>();
      const publish = js.publish.bind(js);
      js.publish = (subject, data, options) => {
        const id = options!.msgID!;
        published.set(id, (published.get(id) ?? 0) + 1);
        // It wakes up when what it has received already is sent a second time.
        if (published.get(id) === 2) wakening ??= slow.resume();
        return publish(subject, data, options);
      };
      let paused: Promise<void> | undefined;
      const delivery = deliveryOf(feed, "SLOW.up", {
        window: 50_000,
        timeout: 6_000,
        onSent: (index) => {
          if (index === 12) paused ??= slow.pause();
        },
      });
      const report = await deliverOverJetStream(js, delivery, stream);
      await paused;
      await wakening;
      assert(wakening !== undefined, "nothing was sent a second time");
      assertEquals(report.confirmed, true);
      await assertStored(manager, "SLOW", feed, payload);
    } finally {
      await other.close();
    }
  },
);

test(
  "deliverOverJetStream() completes without gaps and doubles when the server is killed and comes back",
  SLOW,
  async () => {
    await using mortal = await startNatsServer({ maxPayload: 2 * MB });
    const other = await connect({ servers: mortal.url, reconnectWait: 100 });
    try {
      const manager = await jetstreamManager(other);
      await manager.streams.add({ name: "MORTAL", subjects: ["MORTAL.>"] });
      const payload = countingBytes(60 * 250_000);
      const feed = new MemoryFeed(payload, 250_000);
      let revival: Promise<void> | undefined;
      const delivery = deliveryOf(feed, "MORTAL.up", {
        onSent: (index) => {
          if (index === 20) revival ??= mortal.kill().then(() => mortal.restart());
        },
      });
      const report = await deliver(other, delivery);
      await revival;
      assert(revival !== undefined, "the server was never killed");
      assertEquals(report, { confirmed: true, warnings: [] });
      await assertStored(manager, "MORTAL", feed, payload);
    } finally {
      await other.close();
    }
  },
);

test("deliverOverJetStream() goes through the election of a new leader", SLOW, async () => {
  await using cluster = await startNatsServer({ cluster: 3 });
  const other = await connect({ servers: [...cluster.urls] });
  try {
    const manager = await jetstreamManager(other);
    await manager.streams.add({ name: "LED", subjects: ["LED.>"], num_replicas: 3 });
    const payload = countingBytes(200 * 10_000);
    const feed = new MemoryFeed(payload, 10_000);
    const elections: Promise<unknown>[] = [];
    const delivery = deliveryOf(feed, "LED.up", {
      window: 100_000,
      timeout: 8_000,
      onSent: (index) => {
        if (index !== 50) return;
        elections.push(other.request("$JS.API.STREAM.LEADER.STEPDOWN.LED", "", { timeout: 5_000 }));
      },
    });
    const report = await deliver(other, delivery);
    await Promise.all(elections);
    assertEquals(elections.length, 1);
    assertEquals(report, { confirmed: true, warnings: [] });
    await assertStored(manager, "LED", feed, payload);
  } finally {
    await other.close();
  }
});

test(
  "deliverOverJetStream() overcomes a stream whose queue is full, with several senders",
  SLOW,
  async () => {
    const storeDir = await mkdtemp(join(tmpdir(), "natskit-queue-"));
    try {
      await using narrow = await startNatsServer({
        storeDir,
        config: `jetstream {
        store_dir: ${JSON.stringify(storeDir)}, max_buffered_msgs: 2, sync_interval: always
      }`,
      });
      const connections = await Promise.all(
        [1, 2, 3, 4].map(() => connect({ servers: narrow.url })),
      );
      try {
        const manager = await jetstreamManager(connections[0]!);
        await manager.streams.add({ name: "NARROW", subjects: ["NARROW.>"] });
        let refused = 0;
        const feeds = await Promise.all(connections.map(async (connection) => {
          const js = jetstream(connection);
          const publish = js.publish.bind(js);
          js.publish = async (...args: Parameters<typeof publish>): Promise<PubAck> => {
            try {
              return await publish(...args);
            } catch (error) {
              if ((error as { status?: number }).status === 429) refused++;
              throw error;
            }
          };
          const feed = new MemoryFeed(countingBytes(100 * 5_000), 5_000);
          const stream = await describeStream(js, "NARROW.up");
          await deliverOverJetStream(
            js,
            deliveryOf(feed, "NARROW.up", { window: 64 * MB }),
            stream,
          );
          return feed;
        }));
        assert(refused > 0, "the queue was never full");
        const ids = (await storedChunks(manager, "NARROW")).map(({ id }) => id);
        assertEquals(ids.length, 400);
        const wanted = feeds.flatMap((feed) =>
          Array.from({ length: 100 }, (_, index) => messageIdOf(feed.uploadId, index))
        );
        assertEquals(ids.sort(), wanted.sort());
      } finally {
        for (const connection of connections) await connection.close();
      }
    } finally {
      await rm(storeDir, { recursive: true, force: true });
    }
  },
);

test("deliverOverJetStream() works with a server that knows little", SLOW, async () => {
  await using old = await startNatsServer({ version: "2.10.25" });
  const other = await connect({ servers: old.url });
  try {
    const manager = await jetstreamManager(other);
    await manager.streams.add({ name: "OLD", subjects: ["OLD.>"] });
    const payload = countingBytes(1_234_567);
    const feed = new MemoryFeed(payload, 100_000);
    assertEquals(await deliver(other, deliveryOf(feed, "OLD.up")), {
      confirmed: true,
      warnings: [],
    });
    await assertStored(manager, "OLD", feed, payload);
    const again = new MemoryFeed(payload, 100_000, feed.uploadId);
    await assertRejects(() => deliver(other, deliveryOf(again, "OLD.up")), UploadIdTakenError);
  } finally {
    await other.close();
  }
});
