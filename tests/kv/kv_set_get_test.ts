import { after, before, test } from "node:test";
import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { type KV, Kvm } from "@nats-io/kv";
import { headers, type NatsConnection } from "@nats-io/nats-core";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { connect } from "../../src/connect/connect.ts";
import {
  BucketNotFoundError,
  BucketRefusedError,
  ConnectionClosedError,
  DecodeError,
  NoProgressError,
  ValueTooLargeError,
} from "../../src/errors.ts";
import { type Codec, type KvBucket, kvGet, kvSet, openKv } from "../../src/kv/mod.ts";
import { type NatsServer, startNatsServer } from "../../src/testing/mod.ts";

let server: NatsServer;
let nc: NatsConnection;
let jsm: JetStreamManager;
let kv: KvBucket;
let official: KV;
before(async () => {
  server = await startNatsServer();
  nc = await connect({ servers: server.url, reconnectWait: 50 });
  jsm = await jetstreamManager(nc);
  kv = await openKv(nc, "values", { create: true });
  official = await new Kvm(nc).open("values");
});
after(async () => {
  await nc?.close();
  await server?.stop();
});

async function answers(): Promise<boolean> {
  const silence = new Promise<false>((resolve) => setTimeout(resolve, 100, false));
  return await Promise.race([nc.flush().then(() => true), silence]);
}

test("kvSet() returns the revision that the official client sees, and kvGet() the value", async () => {
  const first = await kvSet(kv, "a", { n: 1, text: "ü", list: [null, true] });
  const second = await kvSet(kv, "a", { n: 2 });
  assert(second > first);
  assertEquals(await kvGet(kv, "a"), { n: 2 });
  const entry = await official.get("a");
  assertEquals([entry?.revision, entry?.json()], [second, { n: 2 }]);
});

test("kvGet() tells every JSON value from absence", async () => {
  for (const value of [null, false, 0, "", [], {}]) {
    await kvSet(kv, "falsy", value);
    assertEquals(await kvGet(kv, "falsy"), value);
  }
});

test("kvGet() reads what the official client wrote", async () => {
  await official.put("official", JSON.stringify({ by: "official" }));
  assertEquals(await kvGet(kv, "official"), { by: "official" });
  await official.create("created", "[1]");
  assertEquals(await kvGet(kv, "created"), [1]);
});

test("kvGet() is undefined when the key was never set, deleted or purged", async () => {
  assertEquals(await kvGet(kv, "never"), undefined);
  for (const remove of ["delete", "purge"] as const) {
    await kvSet(kv, "gone", 1);
    await official[remove]("gone");
    assertEquals((await official.get("gone"))?.operation, remove === "purge" ? "PURGE" : "DEL");
    assertEquals(await kvGet(kv, "gone"), undefined);
    assertEquals(await kvGet(kv, "gone", { consistent: true }), undefined);
  }
  await kvSet(kv, "gone", 2);
  assertEquals(await kvGet(kv, "gone"), 2);
});

test("kvGet() is undefined when the value has expired and the server left a marker", async () => {
  await new Kvm(nc).create("expiring", { markerTTL: 60_000 });
  const expiring = await openKv(nc, "expiring");
  const header = headers();
  header.set("Nats-TTL", "1s");
  await expiring.js.publish("$KV.expiring.a", "1", { headers: header });
  assertEquals(await kvGet(expiring, "a"), 1);
  const deadline = Date.now() + 4_000;
  while (await kvGet(expiring, "a") !== undefined) {
    assert(Date.now() < deadline);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const marker = await jsm.streams.getMessage("KV_expiring", { last_by_subj: "$KV.expiring.a" });
  assertEquals(marker?.header.get("Nats-Marker-Reason"), "MaxAge");
});

test("kvGet() confirms a miss and a marker with the leader when a replica is behind", async () => {
  await kvSet(kv, "fresh", "new");
  const { data, header, ...rest } = (await jsm.direct.getMessage("KV_values", {
    last_by_subj: "$KV.values.fresh",
  }))!;
  assertEquals([new TextDecoder().decode(data), header.has("KV-Operation")], ['"new"', false]);
  const deleted = headers();
  deleted.set("KV-Operation", "DEL");
  const stale = [null, { ...rest, data: new Uint8Array(), header: deleted }];
  for (const answer of stale) {
    const direct = { getMessage: () => Promise.resolve(answer) };
    const behind = { ...kv, jsm: Object.create(kv.jsm, { direct: { value: direct } }) };
    assertEquals(await kvGet(behind, "fresh"), "new");
  }
});

test("kvGet() asks the leader alone when it is to be consistent", async () => {
  await kvSet(kv, "consistent", 1);
  const direct = { getMessage: () => Promise.reject(new Error("asked a replica")) };
  const watched = { ...kv, jsm: Object.create(kv.jsm, { direct: { value: direct } }) };
  await assertRejects(() => kvGet(watched, "consistent"), Error, "asked a replica");
  assertEquals(await kvGet(watched, "consistent", { consistent: true }), 1);
});

test("kvGet() reads a bucket without direct access", async () => {
  const indirect = await openKv(nc, "indirect", { create: true });
  const { config } = await jsm.streams.info("KV_indirect");
  await kvSet(indirect, "a", 1);
  await jsm.streams.update("KV_indirect", { ...config, allow_direct: false });
  assertEquals(await kvGet(indirect, "a"), 1);
  const reopened = await openKv(nc, "indirect");
  assertEquals(reopened.direct, false);
  assertEquals(await kvGet(reopened, "a"), 1);
  assertEquals(await kvGet(reopened, "b"), undefined);
});

test("kvSet() and kvGet() keep texts and bytes as they are when the codec says so", async () => {
  const texts = await openKv(nc, "texts", { create: true, codec: "text" });
  for (const text of ["", "\ufeffx", "{", "😀\u0000"]) {
    await kvSet(texts, "a", text);
    const read: string | undefined = await kvGet(texts, "a");
    assertEquals(read, text);
  }
  const bytes = await openKv(nc, "texts", { codec: "bytes" });
  for (const value of [new Uint8Array(), Uint8Array.of(0, 255, 13, 10)]) {
    await kvSet(bytes, "b", value);
    const read: Uint8Array | undefined = await kvGet(bytes, "b");
    assertEquals(read, value);
  }
});

test("kvSet() and kvGet() use a codec of one's own", async () => {
  const codec: Codec<Date> = {
    encode: (date) => new TextEncoder().encode(date.toISOString()),
    decode: (bytes) => new Date(new TextDecoder().decode(bytes)),
  };
  const dates = await openKv(nc, "dates", { create: true, codec });
  const moment = new Date(1_234_567_890_123);
  await kvSet(dates, "a", moment);
  assertEquals((await kvGet(dates, "a"))?.getTime(), moment.getTime());
  assertEquals((await (await new Kvm(nc).open("dates")).get("a"))?.string(), moment.toISOString());
});

test("kvGet() names key and bucket when the value does not decode", async () => {
  await official.put("broken", "{ no json");
  const error = await assertRejects(
    () => kvGet(kv, "broken"),
    DecodeError,
    'key "broken" of key-value bucket "values" does not decode as json',
  );
  assert(error.cause instanceof SyntaxError);
});

test("kvSet() refuses a value that the codec does not take, and keeps the one before", async () => {
  await kvSet(kv, "kept", 1);
  await assertRejects(() => kvSet(kv, "kept", undefined), TypeError, "has no JSON form");
  assertEquals(await kvGet(kv, "kept"), 1);
});

test("kvSet() takes every legal key, and the official client finds it", async () => {
  const keys = ["a", "A-Z_0/9=x", "a.b.c", "=", "_", "-", "/", "a=", "=a_", "x".repeat(3_000)];
  for (const [index, key] of keys.entries()) {
    await kvSet(kv, key, index);
    assertEquals(await kvGet(kv, key), index, key);
    if (key.length < 100) assertEquals((await official.get(key))?.json(), index, key);
  }
});

test("kvSet() and kvGet() refuse illegal keys before anything is sent", async () => {
  const keys = [
    "",
    ".",
    ".a",
    "a.",
    "a..b",
    "user:1",
    "a b",
    "*",
    "a.*",
    ">",
    "a.>",
    "ü",
    "a\n",
    "a\u0000",
    "=_",
    "a=_b",
    "😀",
    "x".repeat(3_001),
  ];
  const sent = nc.stats().outMsgs;
  for (const key of keys) {
    await assertRejects(() => kvSet(kv, key, 1), RangeError, "key");
    await assertRejects(() => kvGet(kv, key), RangeError, "key");
  }
  const error = await assertRejects(() => kvGet(kv, "user:1"), RangeError);
  assertEquals(
    error.message,
    '"user:1" is no legal key: wanted are letters, digits, "-", "_", "/", "=" and dots between them',
  );
  await assertRejects(() => kvGet(kv, 1 as unknown as string), TypeError, "a key is a string");
  await assertRejects(() => kvGet(kv, "a", { timeout: 0 }), RangeError, "timeout is 0");
  await assertRejects(() => kvSet(kv, "a", 1, { timeout: -1 }), RangeError, "timeout is -1");
  const signal = {} as AbortSignal;
  await assertRejects(() => kvGet(kv, "a", { signal }), TypeError, "signal is an Object");
  await assertRejects(() => kvSet(kv, "a", 1, { signal }), TypeError, "signal is an Object");
  const consistent = "yes" as unknown as boolean;
  await assertRejects(() => kvGet(kv, "a", { consistent }), TypeError, "consistent is a string");
  assertEquals(nc.stats().outMsgs, sent);
});

test("kvSet() takes a value as large as a message can be and names the limit above", async () => {
  const bytes = await openKv(nc, "large", { create: true, codec: "bytes" });
  const limit = nc.info!.max_payload;
  const largest = new Uint8Array(limit).fill(7);
  await kvSet(bytes, "a", largest);
  assertEquals(await kvGet(bytes, "a"), largest);
  assertEquals(await kvGet(bytes, "a", { consistent: true }), largest);
  const error = await assertRejects(
    () => kvSet(bytes, "a", new Uint8Array(limit + 1)),
    ValueTooLargeError,
    `key "a" of key-value bucket "large": the value has ${limit + 1} bytes, and ${limit} fit; ` +
      "bigger ones belong into an object store (storeBytes)",
  );
  assertEquals([error.size, error.limit], [limit + 1, limit]);
  assertEquals(await kvGet(bytes, "a"), largest);
});

test("kvSet() names the bucket's own limit when that is the smaller one", async () => {
  const create = { maxValueSize: 100 };
  const small = await openKv(nc, "small", { create, codec: "bytes" });
  const error = await assertRejects(
    () => kvSet(small, "a", new Uint8Array(101)),
    ValueTooLargeError,
    "the value has 101 bytes, and 100 fit",
  );
  assertEquals(error.limit, 100);
});

test("kvSet() names the bucket's limit as it is now when it was set after opening", async () => {
  const opened = await openKv(nc, "limited", { create: true, codec: "bytes" });
  const { config } = await jsm.streams.info("KV_limited");
  await jsm.streams.update("KV_limited", { ...config, max_msg_size: 50 });
  const error = await assertRejects(
    () => kvSet(opened, "a", new Uint8Array(51)),
    ValueTooLargeError,
    "the value has 51 bytes, and 50 fit",
  );
  assertEquals([opened.maxValueSize, error.limit], [-1, 50]);
});

test("kvSet() names the bucket when it is full, and keeps the value before", async () => {
  const full = await openKv(nc, "full", { create: { maxBytes: 1_000 }, codec: "bytes" });
  await kvSet(full, "a", new Uint8Array(500));
  const error = await assertRejects(
    () => kvSet(full, "b", new Uint8Array(800)),
    BucketRefusedError,
    'key-value bucket "full" does not set "b": maximum bytes exceeded',
  );
  assertEquals(error.bucket, "full");
  assertEquals((await kvGet(full, "a"))?.length, 500);
  assertEquals(await kvGet(full, "b"), undefined);
});

test("kvSet() and kvGet() name the bucket when it was deleted since", async () => {
  const deleted = await openKv(nc, "deleted", { create: true });
  await kvSet(deleted, "a", 1);
  await jsm.streams.delete("KV_deleted");
  await assertRejects(() => kvGet(deleted, "a"), BucketNotFoundError, '"deleted"');
  await assertRejects(() => kvSet(deleted, "a", 1), BucketNotFoundError, '"deleted"');
  assertEquals(await jsm.streams.names("$KV.deleted.>").next(), []);
});

test("kvSet() and kvGet() work with an old server", async () => {
  await using old = await startNatsServer({ version: "2.10.25" });
  const other = await connect({ servers: old.url });
  try {
    const theirs = await openKv(other, "old", { create: true });
    await kvSet(theirs, "a", { old: true });
    assertEquals(await kvGet(theirs, "a"), { old: true });
    assertEquals(await kvGet(theirs, "b"), undefined);
  } finally {
    await other.close();
  }
});

test("kvSet() and kvGet() reject with the reason when they are aborted", async () => {
  const reason = new Error("enough");
  const signal = AbortSignal.abort(reason);
  assertEquals(await assertRejects(() => kvSet(kv, "aborted", 1, { signal })), reason);
  assertEquals(await assertRejects(() => kvGet(kv, "aborted", { signal })), reason);
  assertEquals(await kvGet(kv, "aborted"), undefined);
});

test("kvSet() and kvGet() fail at once when the connection is closed", async () => {
  const other = await connect({ servers: server.url });
  const theirs = await openKv(other, "values");
  await other.close();
  const started = Date.now();
  for (const run of [() => kvSet(theirs, "a", 1), () => kvGet(theirs, "a")]) {
    const error = await assertRejects(run, ConnectionClosedError);
    assertEquals((error.cause as Error).name, "ClosedConnectionError");
  }
  assert(Date.now() - started < 1_000);
});

test("kvSet() and kvGet() say that the connection is closed when that happens meanwhile", async () => {
  for (const run of [(kv: KvBucket) => kvSet(kv, "a", 1), (kv: KvBucket) => kvGet(kv, "a")]) {
    const other = await connect({ servers: server.url });
    const theirs = await openKv(other, "values");
    await server.pause();
    const failed = assertRejects(() => run(theirs), ConnectionClosedError);
    await other.close();
    await failed;
    await server.resume();
  }
});

test("kvSet() and kvGet() fail within their bounds, never with absence, when the server hangs", async () => {
  await kvSet(kv, "hanging", 1);
  await server.pause();
  while (await answers()); // the signal needs a moment to reach every thread of the server
  const started = Date.now();
  const get = assertRejects(
    () => kvGet(kv, "hanging", { timeout: 300 }),
    NoProgressError,
    'get key "hanging" of key-value bucket "values": no progress for 300 ms',
  );
  const set = assertRejects(
    () => kvSet(kv, "hanging", 2, { timeout: 300 }),
    NoProgressError,
    'set key "hanging"',
  );
  const reason = new Error("enough");
  const aborted = new AbortController();
  const abort = assertRejects(() => kvGet(kv, "hanging", { signal: aborted.signal }));
  aborted.abort(reason);
  assertEquals(await abort, reason);
  await Promise.all([get, set]);
  assert(Date.now() - started < 1_500);
  await server.resume();
});

test("kvSet() and kvGet() work again when the server was killed and is back", async () => {
  await kvSet(kv, "survivor", 1);
  await server.kill();
  const error = await assertRejects(() => kvGet(kv, "survivor", { timeout: 200 }));
  assertEquals(error.name, "NoProgressError");
  await server.restart();
  const deadline = Date.now() + 4_000;
  let read: unknown;
  while (read === undefined) {
    assert(Date.now() < deadline);
    read = await kvGet(kv, "survivor", { timeout: 200 }).catch(() => undefined);
  }
  assertEquals(read, 1);
});
