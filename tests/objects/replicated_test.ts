import { after, before, test } from "node:test";
import type { NatsConnection } from "@nats-io/nats-core";
import { assertEquals } from "@std/assert";
import { connect } from "../../src/connect/connect.ts";
import { fetchBytes, openObjectStore, storeBytes } from "../../src/objects/mod.ts";
import { type NatsCluster, startNatsServer } from "../../src/testing/mod.ts";
import { someBytes } from "./_support.ts";

let cluster: NatsCluster;
let connections: NatsConnection[];
before(async () => {
  cluster = await startNatsServer({ cluster: 3 });
  connections = await Promise.all(cluster.urls.map((servers) => connect({ servers })));
});
after(async () => {
  await Promise.all(connections?.map((nc) => nc.close()) ?? []);
  await cluster?.stop();
});

test("fetchBytes() reads the newest version whole, at once and through any server, when it is replicated", async () => {
  const [first, ...others] = connections;
  const writer = await openObjectStore(first!, "replicated", { create: { replicas: 3 } });
  const readers = await Promise.all(others.map((nc) => openObjectStore(nc, "replicated")));
  for (let round = 1; round <= 15; round++) {
    const data = someBytes(100_000, round);
    await storeBytes(writer, "one", data, { chunkSize: 10_000 });
    for (const reader of readers) assertEquals(await fetchBytes(reader, "one"), data);
  }
});
