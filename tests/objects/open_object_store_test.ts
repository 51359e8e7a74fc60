import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/nats-core";
import { Objm } from "@nats-io/obj";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { connect } from "../../src/connect/connect.ts";
import { BucketNotFoundError, BucketRefusedError } from "../../src/errors.ts";
import {
  fetchBytes,
  type ObjectStore,
  openObjectStore,
  storeBytes,
} from "../../src/objects/mod.ts";
import type { OpenObjectStoreOptions } from "../../src/objects/mod.ts";
import { type NatsServer, startNatsServer } from "../../src/testing/mod.ts";

let storeDir: string;
let server: NatsServer;
let nc: NatsConnection;
before(async () => {
  // A second `jetstream` block takes the place of the first, store and all.
  storeDir = await mkdtemp(join(tmpdir(), "natskit-domain-"));
  const config = `jetstream { domain: hub, store_dir: ${JSON.stringify(storeDir)} }`;
  server = await startNatsServer({ config, storeDir });
  nc = await connect({ servers: server.url });
});
after(async () => {
  await nc?.close();
  await server?.stop();
  await rm(storeDir, { recursive: true, force: true });
});

test("openObjectStore() names the bucket and how to create it when there is none", async () => {
  const error = await assertRejects(
    () => openObjectStore(nc, "absent"),
    BucketNotFoundError,
    'there is no object store "absent"; to create it, open it with { create: true }',
  );
  assertEquals(error.bucket, "absent");
  const jsm = await jetstreamManager(nc);
  assertEquals(await jsm.streams.names("$O.absent.>").next(), []);
});

test("openObjectStore() creates a bucket that the official client opens when create is true", async () => {
  const store = await openObjectStore(nc, "plain", { create: true });
  assertEquals([store.bucket, store.stream, store.direct], ["plain", "OBJ_plain", true]);
  const status = await (await new Objm(nc).open("plain")).status();
  assertEquals([status.ttl, status.storage, status.replicas], [0, "file", 1]);
  assertEquals(status.streamInfo.config.discard, "new");
});

test("openObjectStore() creates with the settings given and leaves their object alone", async () => {
  const config = {
    description: "what for",
    ttl: 60_000,
    storage: "memory" as const,
    replicas: 1,
    maxBytes: 5_000_000,
    compression: true,
    metadata: { team: "blue" },
  };
  const given = structuredClone(config);
  const create = Object.freeze(config);
  await openObjectStore(nc, "settings", { create });
  assertEquals(create, given);
  const { config: made } = await (await jetstreamManager(nc)).streams.info("OBJ_settings");
  assertEquals(made.description, "what for");
  assertEquals(made.max_age, 60_000_000_000);
  assertEquals(made.storage, "memory");
  assertEquals(made.max_bytes, 5_000_000);
  assertEquals(made.compression, "s2");
  assertEquals(made.metadata?.team, "blue");
});

test("openObjectStore() opens what is there as it is when create is given, too", async () => {
  const first = await openObjectStore(nc, "twice", { create: { description: "first" } });
  await storeBytes(first, "a", Uint8Array.of(1));
  const second = await openObjectStore(nc, "twice", { create: { description: "second" } });
  assertEquals(await fetchBytes(second, "a"), Uint8Array.of(1));
  const { config } = await (await jetstreamManager(nc)).streams.info("OBJ_twice");
  assertEquals(config.description, "first");
});

test("openObjectStore() opens the bucket for everyone when many create it at a time", async () => {
  const opened = await Promise.all(
    Array.from(
      { length: 8 },
      (_, index) => openObjectStore(nc, "race", { create: { description: `number ${index}` } }),
    ),
  );
  assertEquals(new Set(opened.map(({ stream }) => stream)), new Set(["OBJ_race"]));
});

test("openObjectStore() says what the server refuses when it cannot be created like that", async () => {
  const error = await assertRejects(
    () => openObjectStore(nc, "replicated", { create: { replicas: 3 } }),
    BucketRefusedError,
    'object store "replicated" ',
  );
  assert(error.code > 10_000);
  assert(/replicas/.test(error.message), error.message);
});

test("openObjectStore() refuses a bad bucket name before anything is sent", async () => {
  const sent = nc.stats().outMsgs;
  for (const bucket of ["", "a.b", "a b", "*", ">", "a/b", "ü", "a\n", 7 as unknown as string]) {
    await assertRejects(() => openObjectStore(nc, bucket, { create: true }), TypeError, "no name");
  }
  assertEquals(nc.stats().outMsgs, sent);
});

test("openObjectStore() refuses what create cannot mean before anything is sent", async () => {
  const sent = nc.stats().outMsgs;
  const cases: [unknown, string][] = [
    ["yes", "create is a string, wanted is a boolean or settings"],
    [null, "create is null, wanted is a boolean or settings"],
    [1, "create is a number, wanted is a boolean or settings"],
    [[], "create is an Array, wanted is an object"],
    [{ maxbytes: 5 }, 'create has the unknown field "maxbytes", known are: description,'],
    [{ history: 5 }, 'create has the unknown field "history"'],
    [{ description: 5 }, "create.description is a number, wanted is a string"],
    [{ replicas: "3" }, "create.replicas is a string, wanted is a number"],
    [{ ttl: NaN }, "create.ttl is NaN, wanted is a number"],
    [{ storage: "disk" }, 'create.storage is "disk", wanted is "file" or "memory"'],
    [{ compression: "s2" }, "create.compression is a string, wanted is a boolean"],
    [{ metadata: { a: 5 } }, 'create.metadata["a"] is a number, wanted is a string'],
  ];
  for (const [create, message] of cases) {
    const options = { create } as OpenObjectStoreOptions;
    await assertRejects(() => openObjectStore(nc, "unmade", options), TypeError, message);
  }
  assertEquals(nc.stats().outMsgs, sent);
});

test("openObjectStore() takes a JetStream client in place of the connection", async () => {
  const js = jetstream(nc, { domain: "hub" });
  const store = await openObjectStore(js, "client", { create: true });
  assertEquals(store.js, js);
  await storeBytes(store, "a", Uint8Array.of(1, 2));
  assertEquals(await fetchBytes(store, "a"), Uint8Array.of(1, 2));
});

test("openObjectStore() uses the domain, the prefix and the time limit that are given", async () => {
  for (const options of [{ domain: "hub" }, { apiPrefix: "$JS.hub.API" }]) {
    const store = await openObjectStore(nc, "domain", {
      ...options,
      jetstreamTimeout: 1_234,
      create: true,
    });
    assertEquals(store.js.apiPrefix, "$JS.hub.API");
    assertEquals(store.js.getOptions().timeout, 1_234);
    await storeBytes(store, "a", Uint8Array.of(1, 2));
    assertEquals(await fetchBytes(store, "a"), Uint8Array.of(1, 2));
  }
  const nowhere = { domain: "nowhere", jetstreamTimeout: 2_000 };
  const error = await assertRejects(() => openObjectStore(nc, "domain", nowhere));
  assert(!(error instanceof BucketNotFoundError), `${error}`);
});

test("openObjectStore() refuses options that cannot be honoured", async () => {
  const js = jetstream(nc);
  const cases: [Parameters<typeof openObjectStore>[0], OpenObjectStoreOptions, string][] = [
    [js, { domain: "hub" }, "go with a connection"],
    [js, { jetstreamTimeout: 1 }, "go with a connection"],
    [nc, { domain: "hub", apiPrefix: "$JS.API" }, "exclude each other"],
    [
      {} as NatsConnection,
      {},
      "target is an Object, wanted is a NATS connection or a JetStream client",
    ],
    [undefined as unknown as NatsConnection, {}, "target is undefined, wanted is a NATS"],
    [nc, { domain: 5 as unknown as string }, "domain is a number, wanted is a string"],
    [nc, { apiPrefix: {} as unknown as string }, "apiPrefix is an Object, wanted is a string"],
  ];
  for (const [target, options, message] of cases) {
    await assertRejects(() => openObjectStore(target, "plain", options), TypeError, message);
  }
  for (const jetstreamTimeout of [0, -1, NaN, 2 ** 31]) {
    await assertRejects(
      () => openObjectStore(nc, "plain", { jetstreamTimeout }),
      RangeError,
      "jetstreamTimeout",
    );
  }
});

test("storeBytes() notices that another store of the same name took the chunks", async () => {
  // As on a leaf node: the prefix leads to one server, and the connection's own takes the publishes.
  await using leaf = await startNatsServer();
  const local = await connect({ servers: leaf.url });
  try {
    const nearby = await openObjectStore(local, "double", { create: true });
    const hub = await openObjectStore(nc, "double", { domain: "hub", create: true });
    const mixed = {
      ...hub,
      js: Object.create(nearby.js, { apiPrefix: { value: hub.js.apiPrefix } }),
    };
    await assertRejects(
      () => storeBytes(mixed, "a", Uint8Array.of(1)),
      Error,
      "the chunks were not stored where $JS.hub.API leads to",
    );
    assertEquals(await fetchBytes(hub, "a"), null);
  } finally {
    await local.close();
  }
});

test("storeBytes() and fetchBytes() refuse a store that is not natskit's", async () => {
  const official = await new Objm(nc).create("official");
  for (const other of [official, undefined, {}]) {
    const store = other as unknown as ObjectStore;
    await assertRejects(() => fetchBytes(store, "a"), TypeError, "what openObjectStore() returns");
    await assertRejects(() => storeBytes(store, "a", Uint8Array.of(1)), TypeError, "what openO");
  }
});

test("openObjectStore() fails at once and not with absence when the connection is closed", async () => {
  const closed = await connect({ servers: server.url });
  await closed.close();
  const started = Date.now();
  const error = await assertRejects(() => openObjectStore(closed, "plain", { create: true }));
  assertEquals(error.name, "ConnectionClosedError");
  assert(Date.now() - started < 1_000);
});

test("openObjectStore() fails and not with absence when the server has no JetStream", async () => {
  await using bare = await startNatsServer({ jetstream: false });
  const other = await connect({ servers: bare.url });
  try {
    const error = await assertRejects(() => openObjectStore(other, "plain"));
    assertEquals(error.name, "JetStreamNotEnabled");
  } finally {
    await other.close();
  }
});
