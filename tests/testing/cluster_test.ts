import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { existsSync } from "node:fs";
import { test } from "node:test";
import type { ServerInstance } from "../../src/testing/_instance.ts";
import { type NatsCluster, startNatsServer } from "../../src/testing/mod.ts";
import { isRunning, temporaryFolder, until } from "./_helpers.ts";
import { WireClient } from "./_wire.ts";

/** Elections take seconds, getting an old server for the first time a minute or two. */
const LIMIT = { timeout: 300_000 };

const STREAM = { name: "SPREAD", subjects: ["spread"], storage: "file", num_replicas: 3 };

/** Publishes until it is acknowledged, as a client does while a new leader is elected. */
async function publish(cluster: NatsCluster, member: number, body: string): Promise<number> {
  await using client = await WireClient.connect(cluster.urls[member]!);
  let sequence: number | undefined;
  await until(`"${body}" is stored`, async () => {
    const answer = await client.request("spread", body).catch(() => "{}");
    sequence = JSON.parse(answer).seq;
    return sequence !== undefined;
  });
  return sequence!;
}

test("startNatsServer() gives a cluster whose members follow one leader", LIMIT, async () => {
  await using cluster = await startNatsServer({ cluster: 3 });
  assertEquals(cluster.servers.length, 3);
  assertEquals(cluster.urls, cluster.servers.map((server) => server.url));
  assertEquals(new Set(cluster.urls).size, 3);
  assertEquals(new Set(cluster.servers.map((server) => server.name)).size, 3);
  for (const url of cluster.urls) {
    // No retry: the leader is there from the start, and so are the peers for three replicas.
    await using client = await WireClient.connect(url);
    assertEquals((await client.api("INFO")).streams, 0);
  }
  await using client = await WireClient.connect(cluster.urls[1]!);
  const created = await client.api("STREAM.CREATE.SPREAD", STREAM);
  assertEquals(created.cluster.replicas.length, 2);
});

test(
  "a cluster keeps a replicated stream when its leader is killed and comes back",
  LIMIT,
  async () => {
    await using cluster = await startNatsServer({ cluster: 3 });
    await using first = await WireClient.connect(cluster.urls[0]!);
    const { cluster: { leader } } = await first.api("STREAM.CREATE.SPREAD", STREAM);
    assertEquals(await publish(cluster, 0, "before"), 1);

    const lost = cluster.servers.findIndex((server) => server.name === leader);
    const other = (lost + 1) % 3;
    await cluster.servers[lost]!.kill();
    assertEquals(await publish(cluster, other, "during"), 2);

    await cluster.servers[lost]!.restart();
    await using client = await WireClient.connect(cluster.urls[lost]!);
    const info = await client.api("STREAM.INFO.SPREAD");
    assertEquals(info.state.messages, 2);
    await until("every replica is up to date", async () => {
      const { cluster: { replicas } } = await client.api("STREAM.INFO.SPREAD");
      return replicas.length === 2 && replicas.every((r: { current: boolean }) => r.current);
    });
    const { message } = await client.api("STREAM.MSG.GET.SPREAD", { seq: 1 });
    assertEquals(Buffer.from(message.data, "base64").toString(), "before");
  },
);

test("restart() of a member resolves while the others are down", LIMIT, async () => {
  await using cluster = await startNatsServer({ cluster: 3 });
  await Promise.all(cluster.servers.map((server) => server.kill()));
  await cluster.servers[0]!.restart();
  assert(cluster.servers[0]!.pid !== undefined);
  await Promise.all([cluster.servers[1]!.restart(), cluster.servers[2]!.restart()]);
  await using client = await WireClient.connect(cluster.urls[2]!);
  await client.api("STREAM.CREATE.SPREAD", STREAM);
});

test("a cluster works with an old server, without JetStream and with auth", LIMIT, async () => {
  await using old = await startNatsServer({ cluster: 3, version: "2.10.25" });
  assertEquals(old.version, "2.10.25");
  await using client = await WireClient.connect(old.urls[0]!);
  assertEquals((await client.api("STREAM.CREATE.SPREAD", STREAM)).config.num_replicas, 3);
  await using plain = await startNatsServer({
    cluster: 2,
    jetstream: false,
    auth: { token: "t0k" },
  });
  const denied = await assertRejects(() => WireClient.connect(plain.urls[1]!), Error);
  assertStringIncludes(denied.message, "Authorization Violation");
  await using entered = await WireClient.connect(plain.urls[1]!, { auth_token: "t0k" });
  await entered.ping();
});

test("a cluster with a storeDir finds its streams again", LIMIT, async () => {
  await using folder = await temporaryFolder();
  const first = await startNatsServer({ cluster: 3, storeDir: folder.path });
  {
    await using client = await WireClient.connect(first.urls[0]!);
    await client.api("STREAM.CREATE.SPREAD", STREAM);
  }
  assertEquals(await publish(first, 0, "kept"), 1);
  await first.stop();
  await using second = await startNatsServer({ cluster: 3, storeDir: folder.path });
  await using client = await WireClient.connect(second.urls[1]!);
  // A leader that was only just elected may still be reading its log, and knows no message until then.
  let stored = "";
  await until("the message is served again", async () => {
    const answer = await client.api("STREAM.MSG.GET.SPREAD", { seq: 1 }).catch(() => null);
    if (answer) stored = Buffer.from(answer.message.data, "base64").toString();
    return answer !== null;
  });
  assertEquals(stored, "kept");
});

test("stop() of a cluster leaves no process and no folder", LIMIT, async () => {
  const cluster = await startNatsServer({ cluster: 3 });
  const pids = cluster.servers.map((server) => server.pid!);
  const folders = cluster.servers.map((server) => (server as ServerInstance).folder);
  assertEquals(folders.filter((folder) => existsSync(folder)), folders);
  await cluster.stop();
  await cluster.stop();
  assertEquals(pids.filter(isRunning), []);
  assertEquals(folders.filter((folder) => existsSync(folder)), []);
});
