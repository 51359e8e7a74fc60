import { after, before, test } from "node:test";
import type { NatsConnection } from "@nats-io/nats-core";
import { assertEquals } from "@std/assert";
import { connect } from "../../src/connect/connect.ts";
import { kvGet, kvSet, openKv } from "../../src/kv/mod.ts";
import { type NatsCluster, startNatsServer } from "../../src/testing/mod.ts";

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

test("kvGet() never misses a new key of a replicated bucket, and consistent never an old value", async () => {
  const [first, ...others] = connections;
  const writer = await openKv(first!, "replicated", { create: { replicas: 3 } });
  const readers = await Promise.all(others.map((nc) => openKv(nc, "replicated")));
  for (let round = 1; round <= 100; round++) {
    await kvSet(writer, `key.${round}`, round);
    await kvSet(writer, "counter", round);
    for (const reader of [writer, ...readers]) {
      assertEquals(await kvGet(reader, `key.${round}`), round);
      assertEquals(await kvGet(reader, "counter", { consistent: true }), round);
    }
  }
});
