import { after, before, test } from "node:test";
import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/nats-core";
import { Objm } from "@nats-io/obj";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { connect } from "../../src/connect/connect.ts";
import { ConnectionClosedError, NoProgressError } from "../../src/errors.ts";
import {
  fetchBytes,
  type ObjectStore,
  openObjectStore,
  storeBytes,
} from "../../src/objects/mod.ts";
import { type NatsServer, startNatsServer } from "../../src/testing/mod.ts";
import { eventually, onEachChunk, someBytes } from "./_support.ts";

let server: NatsServer;
let nc: NatsConnection;
let watcher: NatsConnection;
let jsm: JetStreamManager;
let store: ObjectStore;
before(async () => {
  server = await startNatsServer();
  nc = await connect({ servers: server.url, reconnectWait: 50 });
  watcher = await connect({ servers: server.url, reconnectWait: 50 });
  jsm = await jetstreamManager(nc);
  store = await openObjectStore(nc, "outage", { create: true, jetstreamTimeout: 500 });
});
after(async () => {
  await nc?.close();
  await watcher?.close();
  await server?.stop();
});

async function chunkSubjects(): Promise<string[]> {
  const options = { subjects_filter: "$O.outage.C.>" };
  const { state } = await jsm.streams.info("OBJ_outage", options);
  return Object.keys(state.subjects ?? {});
}

/** Pauses the server; the signal needs a moment to reach every thread of it. */
async function freeze(): Promise<void> {
  await server.pause();
  const answers = (): Promise<boolean> =>
    Promise.race([
      watcher.flush().then(() => true),
      new Promise<false>((resolve) => setTimeout(resolve, 100, false)),
    ]);
  while (await answers());
}

/** Runs `strike` once the server has passed on `count` chunks. */
async function afterChunks(count: number, strike: () => Promise<void>): Promise<void> {
  const seen = watcher.subscribe("$O.outage.C.>", { max: count, callback: () => {} });
  await watcher.flush();
  void seen.closed.then(strike);
}

test("storeBytes() keeps the old version and leaves no chunk when the server dies and comes back", async () => {
  const old = await storeBytes(store, "a", someBytes(5_000), { chunkSize: 1_000 });
  let restarted: Promise<void> | undefined;
  await afterChunks(20, async () => {
    await server.kill();
    restarted = server.restart();
  });
  const started = Date.now();
  const storing = storeBytes(store, "a", someBytes(50_000_000), {
    chunkSize: 50_000,
    timeout: 2_000,
  });
  await assertRejects(() => storing, NoProgressError, 'store the object "a"');
  assert(Date.now() - started < 10_000);
  await restarted;
  await eventually(async () => (await nc.flush().then(() => true, () => false)), "reconnected");
  assertEquals(await chunkSubjects(), [`$O.outage.C.${old.nuid}`]);
  assertEquals(await fetchBytes(store, "a"), someBytes(5_000));
  assertEquals(
    await (await new Objm(nc).open("outage")).getBlob("a").then((b) => b?.length),
    5_000,
  );
});

test("storeBytes() fails within its bounds when the server hangs, and works when it is back", async () => {
  await afterChunks(20, () => server.pause());
  const started = Date.now();
  const storing = storeBytes(store, "b", someBytes(50_000_000), {
    chunkSize: 50_000,
    timeout: 500,
  });
  await assertRejects(() => storing, NoProgressError, "no progress for 500 ms");
  assert(Date.now() - started < 12_000);
  await server.resume();
  await eventually(async () => (await nc.flush().then(() => true, () => false)), "reconnected");
  assertEquals(await fetchBytes(store, "b"), null);
  await storeBytes(store, "b", someBytes(10));
  assertEquals(await fetchBytes(store, "b"), someBytes(10));
});

test("fetchBytes() goes on when the server is restarted while it reads", async () => {
  await storeBytes(store, "c", someBytes(100_000), { chunkSize: 10_000 });
  const watched = onEachChunk(store, async (count) => {
    if (count === 5) {
      await server.kill();
      void server.restart();
    }
  });
  assertEquals(await fetchBytes(watched, "c"), someBytes(100_000));
});

test("fetchBytes() fails after its timeout and never with absence when the server hangs", async () => {
  await storeBytes(store, "d", someBytes(100_000), { chunkSize: 10_000 });
  const watched = onEachChunk(store, async (count) => {
    if (count === 5) await freeze();
  });
  for (const reading of [watched, store]) {
    const started = Date.now();
    await assertRejects(
      () => fetchBytes(reading, "d", { timeout: 700 }),
      NoProgressError,
      'fetch the object "d": no progress for 700 ms',
    );
    assert(Date.now() - started < 2_000);
  }
  await server.resume();
  assertEquals(await fetchBytes(store, "d"), someBytes(100_000));
});

test("fetchBytes() fails at once when the connection closes while it reads", async () => {
  const other = await connect({ servers: server.url });
  const theirs = await openObjectStore(other, "outage");
  const watched = onEachChunk(theirs, (count) => {
    if (count === 3) return other.close();
  });
  const started = Date.now();
  await assertRejects(() => fetchBytes(watched, "d"), ConnectionClosedError);
  assert(Date.now() - started < 1_000);
});
