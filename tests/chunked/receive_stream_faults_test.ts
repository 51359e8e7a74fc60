import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { assert, assertEquals } from "@std/assert";
import { test } from "node:test";
import { publishChunked } from "../../src/chunked/publish_chunked.ts";
import { connect } from "../../src/connect/connect.ts";
import { inboundBudget } from "../../src/_lifecycle.ts";
import { startNatsServer } from "../../src/testing/mod.ts";
import { until } from "../_until.ts";
import { useServer } from "./_server.ts";
import { leftOf, makePlace, readAll, receive, type Retention, store } from "./_stream_receiver.ts";
import { cutByHand, digestOf, payloadOf } from "./_support.ts";

const MB = 1_000_000;
const MiB = 1024 * 1024;
const SLOW = { timeout: 60_000 };
const servers = useServer();

for (const retention of ["limits", "workqueue"] as Retention[]) {
  test(
    `receiveFromStream() goes on after the server was killed, from a ${retention} stream`,
    SLOW,
    async () => {
      await using mortal = await startNatsServer();
      const nc = await connect({ servers: mortal.url, reconnectWait: 50, reconnectJitter: 0 });
      try {
        const place = await makePlace(nc, retention, { consumer: { ack_wait: 10_000 * 1e6 } });
        let seen = 0;
        let revival: Promise<void> | undefined;
        const data: Uint8Array[] = [];
        const receiver = await receive(nc, place, {}, async (stream) => {
          const counted = new TransformStream<Uint8Array, Uint8Array>({
            transform(bytes, controller) {
              seen += bytes.length;
              if (seen > 5 * MB) revival ??= mortal.kill().then(() => mortal.restart());
              controller.enqueue(bytes);
            },
          });
          data.push(await readAll(stream.pipeThrough(counted)));
        });
        const receipt = await publishChunked(jetstream(nc), place.subject, payloadOf(20 * MB), {
          chunkSize: 250_000,
        });
        await until(() => data.length > 0, { timeout: 40_000 });
        assert(revival, "the server was never killed");
        assertEquals(await digestOf(data[0]!), receipt.digest!);
        assertEquals(data.length, 1);
        await until(async () => await leftOf(nc, place) === 0, { timeout: 30_000 });
        await receiver.stop();
      } finally {
        await nc.close();
      }
    },
  );
}

test(
  "receiveFromStream() holds a bounded part of an upload whose handler is slow, and others pass it",
  SLOW,
  async () => {
    const nc = await servers.open();
    const sender = await servers.open();
    const place = await makePlace(nc, "limits", { consumer: { ack_wait: 10_000 * 1e6 } });
    const budget = inboundBudget(nc);
    let most = 0;
    const watch = setInterval(() => most = Math.max(most, budget.used), 1);
    const go = Promise.withResolvers<void>();
    let slow: Uint8Array | undefined;
    await using receiver = await receive(nc, place, {}, async (stream, { size }) => {
      if (size !== 100 * MB) return;
      await go.promise;
      slow = await readAll(stream);
    });
    const js = jetstream(sender);
    const big = await publishChunked(js, place.subject, payloadOf(100 * MB), {
      chunkSize: 500_000,
    });
    const small = await Promise.all(
      [1, 2, 3].map((nth) =>
        publishChunked(js, place.subject, payloadOf(3 * MB, nth), { chunkSize: 500_000 })
      ),
    );
    // The slow one is first in the stream, and its handler takes nothing.
    await until(() => receiver.received.length === 3);
    assertEquals(slow, undefined);
    for (const { context, data } of receiver.received) {
      const receipt = small.find(({ uploadId }) => uploadId === context.uploadId)!;
      assertEquals(await digestOf(data), receipt.digest!);
    }
    go.resolve();
    await until(() => slow !== undefined, { timeout: 30_000 });
    assertEquals(await digestOf(slow!), big.digest!);
    assertEquals(receiver.begun.length, 4);
    clearInterval(watch);
    assert(most <= 34 * MiB, `${most} bytes were held`);
    await until(async () => await leftOf(nc, place) === 0);
    await receiver.stop();
    assertEquals(budget.used, 0, "room was not given back");
  },
);

test(
  "receiveFromStream() gives up an upload that it could not keep alive, and acknowledges nothing",
  SLOW,
  async () => {
    await using silent = await startNatsServer();
    const nc = await connect({ servers: silent.url });
    try {
      const place = await makePlace(nc, "limits", { consumer: { ack_wait: 1_200 * 1e6 } });
      const end = Promise.withResolvers<void>();
      let calls = 0;
      const receiver = await receive(nc, place, {}, async (stream, { signal }) => {
        if (++calls > 1) return;
        void readAll(stream).catch(() => {});
        const aborted = new Promise((resolve) => signal.addEventListener("abort", resolve));
        await Promise.race([end.promise, aborted]);
        if (!signal.aborted) throw new Error("it was not aborted");
      });
      await store(nc, place.subject, cutByHand(payloadOf(1_000), 100));
      await until(() => receiver.begun.length === 1);
      await silent.pause();
      await until(() => receiver.begun[0]!.signal.aborted, { timeout: 10_000 });
      assertEquals(receiver.rejected.map(({ reason }) => reason), ["abandoned"]);
      await silent.resume();
      end.resolve();
      await until(() => receiver.begun.length === 2, { timeout: 20_000 });
      assertEquals(receiver.begun[1]!.deliveryCount, 2);
      await until(() => receiver.received.length >= 1);
      await until(async () => await leftOf(nc, place) === 0);
      await receiver.stop();
    } finally {
      await nc.close();
    }
  },
);

test(
  "receiveFromStream() keeps a handler's upload alive for much longer than the ack wait",
  SLOW,
  async () => {
    const nc = await servers.open();
    for (const retention of ["limits", "workqueue"] as Retention[]) {
      const place = await makePlace(nc, retention, { consumer: { ack_wait: 600 * 1e6 } });
      await using receiver = await receive(nc, place, {}, () => {
        return new Promise((resolve) => setTimeout(resolve, 2_500));
      });
      await publishChunked(jetstream(nc), place.subject, payloadOf(100_000), { chunkSize: 5_000 });
      await until(() => receiver.received.length === 1);
      await until(async () => await leftOf(nc, place) === 0);
      assertEquals(receiver.begun.length, 1);
      const manager = await jetstreamManager(nc);
      assertEquals((await manager.consumers.info(place.stream, place.consumer)).num_redelivered, 0);
    }
  },
);

for (
  const [name, version, direct] of [
    ["a server without batched direct get", "2.10.25", true],
    ["an old server and a stream without direct access", "2.10.25", false],
    ["a stream without direct access", undefined, false],
  ] as const
) {
  test(`receiveFromStream() reads an upload back from ${name}`, SLOW, async () => {
    await using server = await startNatsServer(version ? { version } : {});
    const nc = await connect({ servers: server.url });
    try {
      for (const retention of ["limits", "workqueue", "interest"] as Retention[]) {
        const place = await makePlace(nc, retention, { stream: { allow_direct: direct } });
        let calls = 0;
        const receiver = await receive(nc, place, {}, async (stream) => {
          if (++calls > 1) return;
          await stream.cancel();
          throw new Error("not now");
        });
        const receipt = await publishChunked(jetstream(nc), place.subject, payloadOf(MB), {
          chunkSize: 50_000,
        });
        await until(() => receiver.received.length === 1);
        assertEquals(await digestOf(receiver.received[0]!.data), receipt.digest!);
        assertEquals(receiver.received[0]!.context.deliveryCount, 2);
        await until(async () => await leftOf(nc, place) === 0, { timeout: 25_000 });
        await receiver.stop();
      }
    } finally {
      await nc.close();
    }
  });
}

test("receiveFromStream() goes through the election of a new leader", SLOW, async () => {
  await using cluster = await startNatsServer({ cluster: 3 });
  const nc = await connect({ servers: [...cluster.urls] });
  try {
    const place = await makePlace(nc, "limits", {
      stream: { num_replicas: 3 },
      consumer: { ack_wait: 10_000 * 1e6 },
    });
    let elections = 0;
    const elect = async (): Promise<void> => {
      elections++;
      const timeout = { timeout: 5_000 };
      await nc.request(`$JS.API.STREAM.LEADER.STEPDOWN.${place.stream}`, "", timeout);
      await nc.request(
        `$JS.API.CONSUMER.LEADER.STEPDOWN.${place.stream}.${place.consumer}`,
        "",
        timeout,
      );
    };
    const receiver = await receive(nc, place, {}, async (stream) => {
      void stream;
      await elect();
    });
    const receipt = await publishChunked(jetstream(nc), place.subject, payloadOf(5 * MB), {
      chunkSize: 50_000,
    });
    await until(() => receiver.received.length === 1, { timeout: 30_000 });
    assertEquals(await digestOf(receiver.received[0]!.data), receipt.digest!);
    assertEquals(elections, 1);
    await until(async () => await leftOf(nc, place) === 0, { timeout: 20_000 });
    await receiver.stop();
  } finally {
    await nc.close();
  }
});
