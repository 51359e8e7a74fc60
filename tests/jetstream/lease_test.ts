import { AckPolicy, jetstream, jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/nats-core";
import { assert, assertEquals } from "@std/assert";
import { test } from "node:test";
import { type Delivery, parseDelivery } from "../../src/_jetstream/delivery.ts";
import { Lease, settle } from "../../src/_jetstream/lease.ts";
import { startPull } from "../../src/_jetstream/pull.ts";
import { connect } from "../../src/connect/connect.ts";
import { startNatsServer } from "../../src/testing/mod.ts";
import { until } from "../_until.ts";
import { useServer } from "../chunked/_server.ts";

const SLOW = { timeout: 30_000 };
const ACK_WAIT = 600;
const servers = useServer();

/** Messages of a consumer with a short ack wait, delivered and not settled. */
async function deliver(nc: NatsConnection, stream: string, count: number): Promise<Delivery[]> {
  const manager = await jetstreamManager(nc);
  await manager.streams.add({ name: stream, subjects: [stream] });
  await manager.consumers.add(stream, {
    durable_name: "c",
    ack_policy: AckPolicy.Explicit,
    ack_wait: ACK_WAIT * 1e6,
  });
  const js = jetstream(nc);
  for (let at = 0; at < count; at++) await js.publish(stream, String(at));
  return await pull(nc, stream, count, 1_000);
}

async function pull(
  nc: NatsConnection,
  stream: string,
  batch: number,
  expires: number,
): Promise<Delivery[]> {
  const target = { nc, apiPrefix: "$JS.API", stream, consumer: "c" };
  const deliveries: Delivery[] = [];
  const take = ({ reply }: { reply?: string }) => void deliveries.push(parseDelivery(reply)!);
  await startPull(target, { batch, maxBytes: undefined, expires }, take).ended;
  return deliveries;
}

async function pendingOf(nc: NatsConnection, stream: string): Promise<number> {
  return (await (await jetstreamManager(nc)).consumers.info(stream, "c")).num_ack_pending;
}

test("Lease keeps a message, and those that go with it, from being delivered again", async () => {
  const nc = await servers.open();
  const [ticket, ...others] = await deliver(nc, "ALIVE", 3) as [Delivery, ...Delivery[]];
  const lease = new Lease(nc, ticket.ack, {
    ackWait: ACK_WAIT,
    onLost: () => assert(false, "it was lost"),
  });
  for (const { sequence, ack } of others) lease.hold(sequence, ack);
  lease.hold(others[0]!.sequence, others[0]!.ack);
  assertEquals(lease.heldCount, 2);
  assertEquals(await pull(nc, "ALIVE", 1, 4 * ACK_WAIT), []);
  assertEquals(await lease.settle({ type: "ack" }), true);
  assertEquals(await pendingOf(nc, "ALIVE"), 0);
  assertEquals(await lease.settle({ type: "ack" }), false, "it was settled twice");
});

test("Lease hands back after a delay, and terminates with a reason", async () => {
  const nc = await servers.open();
  const [first, second] = await deliver(nc, "BACK", 2) as [Delivery, Delivery];
  const advisories = nc.subscribe("$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.BACK.c", { max: 1 });
  const options = { ackWait: ACK_WAIT, onLost: () => {} };
  const start = performance.now();
  assertEquals(await new Lease(nc, first.ack, options).settle({ type: "nak", delay: 300 }), true);
  assertEquals(
    await new Lease(nc, second.ack, options).settle({ type: "term", reason: "bad" }),
    true,
  );
  for await (const advisory of advisories) {
    assertEquals(advisory.json<{ reason: string }>().reason, "bad");
  }
  const [again] = await pull(nc, "BACK", 1, 2_000);
  const took = performance.now() - start;
  assertEquals(again!.sequence, 1);
  assertEquals(again!.deliveryCount, 2);
  assert(took >= 290 && took < 550, `it came back after ${took} ms`);
  settle(nc, again!.ack, { type: "ack" });
  await until(async () => await pendingOf(nc, "BACK") === 0);
});

test(
  "Lease is lost, and settles nothing, when nothing was confirmed for the ack wait",
  SLOW,
  async () => {
    await using server = await startNatsServer();
    const nc = await connect({ servers: server.url });
    try {
      const [ticket] = await deliver(nc, "LOST", 1) as [Delivery];
      let losses = 0;
      const lease = new Lease(nc, ticket.ack, { ackWait: ACK_WAIT, onLost: () => losses++ });
      await server.pause();
      await until(() => losses > 0);
      assertEquals(lease.isLost, true);
      await server.resume();
      assertEquals(await lease.settle({ type: "ack" }), false);
      assertEquals((await pull(nc, "LOST", 1, 2_000)).map(({ deliveryCount }) => deliveryCount), [
        2,
      ]);
      assertEquals(losses, 1);
    } finally {
      await nc.close();
    }
  },
);

test("Lease settles again until it is confirmed", SLOW, async () => {
  await using server = await startNatsServer();
  const nc = await connect({ servers: server.url });
  try {
    const [ticket] = await deliver(nc, "AGAIN", 1) as [Delivery];
    const lease = new Lease(nc, ticket.ack, { ackWait: 30_000, onLost: () => {} });
    let requests = 0;
    const request = nc.request.bind(nc);
    nc.request = (...args) => {
      requests++;
      return request(...args);
    };
    await server.pause();
    const settling = lease.settle({ type: "ack" });
    await until(() => requests >= 2); // the first one was given up
    await server.resume();
    assertEquals(await settling, true);
    assertEquals(await pendingOf(nc, "AGAIN"), 0);
  } finally {
    await nc.close();
  }
});
