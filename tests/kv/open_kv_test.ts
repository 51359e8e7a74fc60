import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { jetstream, type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { Kvm } from "@nats-io/kv";
import type { NatsConnection } from "@nats-io/nats-core";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { connect } from "../../src/connect/connect.ts";
import { BucketNotFoundError, BucketRefusedError } from "../../src/errors.ts";
import {
  type CodecName,
  type KvBucket,
  kvGet,
  kvSet,
  openKv,
  type OpenKvOptions,
} from "../../src/kv/mod.ts";
import { type NatsServer, startNatsServer } from "../../src/testing/mod.ts";

let storeDir: string;
let server: NatsServer;
let nc: NatsConnection;
let jsm: JetStreamManager;
before(async () => {
  // A second `jetstream` block takes the place of the first, store and all.
  storeDir = await mkdtemp(join(tmpdir(), "natskit-domain-"));
  const config = `jetstream { domain: hub, store_dir: ${JSON.stringify(storeDir)} }`;
  server = await startNatsServer({ config, storeDir });
  nc = await connect({ servers: server.url });
  jsm = await jetstreamManager(nc);
});
after(async () => {
  await nc?.close();
  await server?.stop();
  await rm(storeDir, { recursive: true, force: true });
});

test("openKv() names the bucket and how to create it when there is none", async () => {
  const error = await assertRejects(
    () => openKv(nc, "absent"),
    BucketNotFoundError,
    'there is no key-value bucket "absent"; to create it, open it with { create: true }',
  );
  assertEquals(error.bucket, "absent");
  assertEquals(await jsm.streams.names("$KV.absent.>").next(), []);
});

test("openKv() creates a bucket that the official client opens when create is true", async () => {
  const kv = await openKv(nc, "plain", { create: true });
  assertEquals([kv.bucket, kv.stream, kv.direct, kv.codec.name], [
    "plain",
    "KV_plain",
    true,
    "json",
  ]);
  const status = await (await new Kvm(nc).open("plain")).status();
  assertEquals([status.history, status.ttl, status.storage, status.replicas], [1, 0, "file", 1]);
});

test("openKv() creates with the settings given and leaves their object alone", async () => {
  const config = {
    description: "what for",
    history: 7,
    ttl: 60_000,
    storage: "memory" as const,
    replicas: 1,
    maxBytes: 5_000_000,
    maxValueSize: 1_000,
    compression: true,
    metadata: { team: "blue" },
  };
  const given = structuredClone(config);
  const create = Object.freeze(config);
  const kv = await openKv(nc, "settings", { create });
  assertEquals(create, given);
  assertEquals(kv.maxValueSize, 1_000);
  const { config: made } = await jsm.streams.info("KV_settings");
  assertEquals(made.description, "what for");
  assertEquals(made.max_msgs_per_subject, 7);
  assertEquals(made.max_age, 60_000_000_000);
  assertEquals(made.storage, "memory");
  assertEquals([made.max_bytes, made.max_msg_size], [5_000_000, 1_000]);
  assertEquals(made.compression, "s2");
  assertEquals(made.metadata?.team, "blue");
});

test("openKv() opens what is there as it is when create is given, too", async () => {
  await kvSet(await openKv(nc, "twice", { create: { history: 3 } }), "a", 1);
  const second = await openKv(nc, "twice", { create: { history: 5 } });
  assertEquals(await kvGet(second, "a"), 1);
  assertEquals((await jsm.streams.info("KV_twice")).config.max_msgs_per_subject, 3);
});

test("openKv() opens the bucket for everyone when many create it at a time", async () => {
  const opened = await Promise.all(
    Array.from({ length: 8 }, (_, index) => openKv(nc, "race", { create: { history: index + 1 } })),
  );
  assertEquals(new Set(opened.map(({ stream }) => stream)), new Set(["KV_race"]));
});

test("openKv() says what the server refuses when it cannot be created like that", async () => {
  const error = await assertRejects(
    () => openKv(nc, "replicated", { create: { replicas: 3 } }),
    BucketRefusedError,
    'key-value bucket "replicated" ',
  );
  assert(/replicas/.test(error.message), error.message);
});

test("openKv() refuses bad arguments before anything is sent", async () => {
  const sent = nc.stats().outMsgs;
  for (const bucket of ["", "a.b", "a b", "*", ">", "a/b", "ü", "a\n", 7 as unknown as string]) {
    await assertRejects(() => openKv(nc, bucket, { create: true }), TypeError, "no name");
  }
  const codec = "msgpack" as CodecName;
  await assertRejects(() => openKv(nc, "plain", { codec }), TypeError, 'codec is "msgpack"');
  await assertRejects(
    () => openKv(jetstream(nc), "plain", { domain: "hub" }),
    TypeError,
    "go with a connection",
  );
  assertEquals(nc.stats().outMsgs, sent);
});

test("openKv() refuses what create cannot mean before anything is sent", async () => {
  const sent = nc.stats().outMsgs;
  const cases: [unknown, string][] = [
    ["yes", "create is a string, wanted is a boolean or settings"],
    [null, "create is null, wanted is a boolean or settings"],
    [1, "create is a number, wanted is a boolean or settings"],
    [[], "create is an Array, wanted is an object"],
    [{ maxbytes: 5 }, 'create has the unknown field "maxbytes", known are: description,'],
    [{ description: 5 }, "create.description is a number, wanted is a string"],
    [{ replicas: "3" }, "create.replicas is a string, wanted is a number"],
    [{ ttl: NaN }, "create.ttl is NaN, wanted is a number"],
    [{ storage: "disk" }, 'create.storage is "disk", wanted is "file" or "memory"'],
    [{ compression: "s2" }, "create.compression is a string, wanted is a boolean"],
    [{ metadata: { a: 5 } }, 'create.metadata["a"] is a number, wanted is a string'],
  ];
  for (const [create, message] of cases) {
    const options = { create } as OpenKvOptions<unknown>;
    await assertRejects(() => openKv(nc, "unmade", options), TypeError, message);
  }
  assertEquals(nc.stats().outMsgs, sent);
});

test("openKv() takes a JetStream client in place of the connection", async () => {
  const js = jetstream(nc, { domain: "hub" });
  const kv = await openKv(js, "client", { create: true });
  assertEquals(kv.js, js);
  await kvSet(kv, "a", 1);
  assertEquals(await kvGet(kv, "a"), 1);
  // The writes went to the same bucket that is there without the domain.
  assertEquals(await kvGet(await openKv(nc, "client"), "a"), 1);
});

test("openKv() uses the domain, the prefix and the time limit that are given", async () => {
  for (const options of [{ domain: "hub" }, { apiPrefix: "$JS.hub.API" }]) {
    const kv = await openKv(nc, "domain", { ...options, jetstreamTimeout: 1_234, create: true });
    assertEquals(kv.js.apiPrefix, "$JS.hub.API");
    assertEquals(kv.js.getOptions().timeout, 1_234);
    await kvSet(kv, "a", options);
    assertEquals(await kvGet(kv, "a"), options);
  }
  const error = await assertRejects(() => openKv(nc, "domain", { domain: "nowhere" }));
  assert(!(error instanceof BucketNotFoundError), `${error}`);
});

test("openKv() reads and writes through a mirror as through its origin", async () => {
  const origin = await openKv(nc, "origin", { create: true });
  await new Kvm(nc).create("mirror", { mirror: { name: "origin" } });
  const mirror = await openKv(nc, "mirror");
  const revision = await kvSet(mirror, "a", "through the mirror");
  assertEquals(await kvGet(origin, "a"), "through the mirror");
  const deadline = Date.now() + 5_000;
  while (await kvGet(mirror, "a") === undefined) assert(Date.now() < deadline);
  assertEquals(await kvGet(mirror, "a"), "through the mirror");
  assertEquals(await kvSet(origin, "a", "again"), revision + 1);
});

test("kvSet() and kvGet() refuse a bucket that is not natskit's", async () => {
  const official = await new Kvm(nc).create("official");
  for (const other of [official, undefined, {}]) {
    const kv = other as unknown as KvBucket;
    await assertRejects(() => kvGet(kv, "a"), TypeError, "what openKv() returns");
    await assertRejects(() => kvSet(kv, "a", 1), TypeError, "what openKv() returns");
  }
});

test("openKv() fails at once and not with absence when the connection is closed", async () => {
  const closed = await connect({ servers: server.url });
  await closed.close();
  const started = Date.now();
  const error = await assertRejects(() => openKv(closed, "plain", { create: true }));
  assertEquals(error.name, "ConnectionClosedError");
  assert(Date.now() - started < 1_000);
});
