import { after, before, test } from "node:test";
import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { headers, type NatsConnection } from "@nats-io/nats-core";
import { Objm } from "@nats-io/obj";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { connect } from "../../src/connect/connect.ts";
import {
  BucketNotFoundError,
  DigestMismatchError,
  ObjectChangedError,
  ObjectCorruptError,
  ObjectLinkError,
} from "../../src/errors.ts";
import {
  fetchBytes,
  type ObjectStore,
  openObjectStore,
  storeBytes,
} from "../../src/objects/mod.ts";
import { type NatsServer, startNatsServer } from "../../src/testing/mod.ts";
import { onEachChunk, someBytes } from "./_support.ts";

let server: NatsServer;
let nc: NatsConnection;
let jsm: JetStreamManager;
let store: ObjectStore;
before(async () => {
  server = await startNatsServer();
  nc = await connect({ servers: server.url });
  jsm = await jetstreamManager(nc);
  store = await openObjectStore(nc, "fetch", { create: true });
});
after(async () => {
  await nc?.close();
  await server?.stop();
});

/** Changes the metadata of an object as no client would. */
async function forgeMeta(name: string, change: Record<string, unknown>): Promise<void> {
  const subject = `$O.fetch.M.${btoa(name)}`;
  const message = await jsm.streams.getMessage("OBJ_fetch", { last_by_subj: subject });
  const header = headers();
  header.set("Nats-Rollup", "sub");
  const record = { ...message!.json<Record<string, unknown>>(), ...change };
  await store.js.publish(subject, JSON.stringify(record), { headers: header });
}

test("fetchBytes() reads what the official client wrote, at sizes around its chunk size", async () => {
  const official = await new Objm(nc).open("fetch");
  for (const size of [0, 1, 131_071, 131_072, 131_073, 262_144, 1_000_000]) {
    const data = someBytes(size, size + 1);
    await official.putBlob({ name: `official ${size}` }, data);
    assertEquals(await fetchBytes(store, `official ${size}`), data);
  }
});

test("fetchBytes() is null when there is no such object, and again when it was deleted", async () => {
  assertEquals(await fetchBytes(store, "never there"), null);
  await storeBytes(store, "deleted", someBytes(10));
  const official = await new Objm(nc).open("fetch");
  await official.delete("deleted");
  assertEquals(await fetchBytes(store, "deleted"), null);
  await official.putBlob({ name: "deleted" }, someBytes(20));
  assertEquals(await fetchBytes(store, "deleted"), someBytes(20));
});

test("fetchBytes() reads an object that the official client renamed and described", async () => {
  const official = await new Objm(nc).open("fetch");
  await storeBytes(store, "old name", someBytes(2_000), { chunkSize: 1_000 });
  await official.update("old name", { name: "new name", description: "moved" });
  assertEquals(await fetchBytes(store, "new name"), someBytes(2_000));
  assertEquals(await fetchBytes(store, "old name"), null);
});

test("fetchBytes() is absence when nothing is there and creates no bucket on the way", async () => {
  const sent = (await jsm.getAccountInfo()).streams;
  assertEquals(await fetchBytes(store, "nothing"), null);
  assertEquals((await jsm.getAccountInfo()).streams, sent);
});

test("fetchBytes() follows links within a store and into another", async () => {
  const other = await openObjectStore(nc, "other", { create: true });
  const [here, there] = [await new Objm(nc).open("fetch"), await new Objm(nc).open("other")];
  await storeBytes(other, "target", someBytes(3_000), { chunkSize: 1_000 });
  await here.link("across", (await there.info("target"))!);
  assertEquals(await fetchBytes(store, "across"), someBytes(3_000));
  // The official client refuses to make a link to a link, others do not.
  const meta = { name: "twice", options: { link: { bucket: "fetch", name: "across" } } };
  await store.js.publish(`$O.fetch.M.${btoa("twice")}`, JSON.stringify(meta));
  assertEquals(await fetchBytes(store, "twice"), someBytes(3_000));
  await there.delete("target");
  assertEquals(await fetchBytes(store, "twice"), null);
});

test("fetchBytes() names the link when links go in a circle, or lead to a whole store", async () => {
  for (const [name, to] of [["ring", "ring"], ["ping", "pong"], ["pong", "ping"]] as const) {
    const meta = { name, options: { link: { bucket: "fetch", name: to } } };
    await store.js.publish(`$O.fetch.M.${btoa(name)}`, JSON.stringify(meta));
  }
  await assertRejects(() => fetchBytes(store, "ring"), ObjectLinkError, "in a circle");
  await assertRejects(() => fetchBytes(store, "ping"), ObjectLinkError, 'link "ping"');
  const official = await new Objm(nc).open("fetch");
  await official.linkStore("whole", official);
  await assertRejects(
    () => fetchBytes(store, "whole"),
    ObjectLinkError,
    'it leads to the object store "fetch" as a whole',
  );
});

test("fetchBytes() calls an object corrupt when its link cannot be one", async () => {
  const links: unknown[] = [
    "elsewhere",
    {},
    { bucket: 5, name: "a" },
    { bucket: "a.b", name: "a" },
    { bucket: "*", name: "a" },
    { bucket: "fetch", name: 5 },
    { bucket: "fetch", name: "\ud800" },
    { bucket: "fetch", name: "x".repeat(3_000) },
  ];
  for (const link of links) {
    const meta = { name: "strange", options: { link } };
    await store.js.publish(`$O.fetch.M.${btoa("strange")}`, JSON.stringify(meta));
    const error = await assertRejects(() => fetchBytes(store, "strange"), ObjectCorruptError);
    assert(error.message.includes("its metadata has a link that names no"), error.message);
  }
});

test("fetchBytes() names the store and creates nothing when a link leads into a deleted one", async () => {
  const target = await openObjectStore(nc, "destroyed", { create: true });
  await storeBytes(target, "a", someBytes(10));
  const official = await new Objm(nc).open("destroyed");
  await (await new Objm(nc).open("fetch")).link("dangling", (await official.info("a"))!);
  await jsm.streams.delete("OBJ_destroyed");
  await assertRejects(() => fetchBytes(store, "dangling"), BucketNotFoundError, '"destroyed"');
  assertEquals(await jsm.streams.names("$O.destroyed.>").next(), []);
});

test("fetchBytes() names both digests when a byte was changed", async () => {
  const info = await storeBytes(store, "wrong byte", someBytes(3_000), { chunkSize: 1_000 });
  const subject = `$O.fetch.C.${info.nuid}`;
  await jsm.streams.purge("OBJ_fetch", { filter: subject });
  const bytes = someBytes(3_000);
  bytes[1_500]! ^= 1;
  for (let start = 0; start < 3_000; start += 1_000) {
    await store.js.publish(subject, bytes.subarray(start, start + 1_000));
  }
  const error = await assertRejects(
    () => fetchBytes(store, "wrong byte"),
    DigestMismatchError,
    'object "wrong byte" of object store "fetch": the digest is SHA-256=',
  );
  assertEquals(error.expected, info.digest);
  assert(error.actual !== info.digest);
});

test("fetchBytes() says how much is there when chunks are missing, first, middle, last or all", async () => {
  for (const missing of [[0], [1], [2], [0, 1, 2]]) {
    const info = await storeBytes(store, "holes", someBytes(3_000), { chunkSize: 1_000 });
    const query = { seq: 1, next_by_subj: `$O.fetch.C.${info.nuid}` };
    const first = (await jsm.direct.getMessage("OBJ_fetch", query))!.seq;
    for (const index of missing) await jsm.streams.deleteMessage("OBJ_fetch", first + index);
    const started = Date.now();
    await assertRejects(
      () => fetchBytes(store, "holes"),
      ObjectCorruptError,
      `chunks are missing: ${3_000 - missing.length * 1_000} of 3000 bytes are there`,
    );
    assert(Date.now() - started < 2_000);
  }
});

test("fetchBytes() refuses metadata that cannot be true", async () => {
  const cases: [Record<string, unknown>, string][] = [
    [{ size: 999 }, "more than the 999 bytes"],
    [{ size: 1_001 }, "1000 of 1001 bytes are there"],
    [{ size: 2 ** 53 - 1 }, "more than one array can hold"],
    [{ size: -1 }, "its metadata has the size -1"],
    [{ size: "1000" }, 'its metadata has the size "1000"'],
    [{ nuid: ">" }, 'its metadata has the id ">"'],
    [{ nuid: "a.b" }, 'its metadata has the id "a.b"'],
    [{ nuid: "" }, "0 of 1000 bytes are there"],
  ];
  for (const [change, message] of cases) {
    await (await new Objm(nc).open("fetch")).putBlob({ name: "forged" }, someBytes(1_000));
    await forgeMeta("forged", change);
    await assertRejects(() => fetchBytes(store, "forged"), ObjectCorruptError, message);
    await jsm.streams.purge("OBJ_fetch", { filter: `$O.fetch.M.${btoa("forged")}` });
  }
  for (const text of ["", "{", "null", "[]", "{}", '{"name":1}']) {
    await store.js.publish(`$O.fetch.M.${btoa("forged")}`, text);
    await assertRejects(() => fetchBytes(store, "forged"), ObjectCorruptError, "its metadata");
  }
});

test("fetchBytes() checks every form of digest that clients write", async () => {
  const data = someBytes(1_000);
  const { digest } = await storeBytes(store, "forms", data);
  const base64 = digest.slice("SHA-256=".length);
  const standard = base64.replaceAll("-", "+").replaceAll("_", "/");
  const hex = Array.from(atob(standard), (byte) => byte.charCodeAt(0).toString(16).padStart(2, "0"))
    .join("");
  const good = [base64, base64.slice(0, -1), standard, hex, hex.toUpperCase()];
  for (const form of good) {
    await forgeMeta("forms", { digest: `SHA-256=${form}` });
    assertEquals(await fetchBytes(store, "forms"), data, form);
  }
  const swapped = (base64[0] === "A" ? "B" : "A") + base64.slice(1);
  for (const digest of ["", "SHA-256=", `SHA-256=${swapped}`, `MD5=${base64}`, `SHA-256=${hex}0`]) {
    await forgeMeta("forms", { digest });
    await assertRejects(() => fetchBytes(store, "forms"), DigestMismatchError);
  }
});

test("fetchBytes() says that the object changed when it is deleted while it is read", async () => {
  await storeBytes(store, "going", someBytes(5_000), { chunkSize: 1_000 });
  const official = await new Objm(nc).open("fetch");
  const watched = onEachChunk(store, (count) => {
    if (count === 3) return official.delete("going");
  });
  const error = await assertRejects(() => fetchBytes(watched, "going"), ObjectChangedError);
  assertEquals([error.bucket, error.objectName], ["fetch", "going"]);
  assertEquals(await fetchBytes(store, "going"), null);
});

test("fetchBytes() says that the object changed when it is replaced while it is read", async () => {
  await storeBytes(store, "changing", someBytes(5_000, 1), { chunkSize: 1_000 });
  const watched = onEachChunk(store, (count) => {
    if (count === 3) {
      return storeBytes(store, "changing", someBytes(5_000, 2), { chunkSize: 1_000 });
    }
  });
  await assertRejects(() => fetchBytes(watched, "changing"), ObjectChangedError);
  assertEquals(await fetchBytes(store, "changing"), someBytes(5_000, 2));
});

test("fetchBytes() names the store when it is deleted while it is read", async () => {
  const short = await openObjectStore(nc, "short", { create: true });
  await storeBytes(short, "a", someBytes(5_000), { chunkSize: 1_000 });
  const watched = onEachChunk(short, (count) => {
    if (count === 3) return jsm.streams.delete("OBJ_short");
  });
  await assertRejects(() => fetchBytes(watched, "a"), BucketNotFoundError, '"short"');
  await assertRejects(() => fetchBytes(short, "a"), BucketNotFoundError, '"short"');
});

test("fetchBytes() reads a store without direct access", async () => {
  const indirect = await openObjectStore(nc, "indirect", { create: true });
  const { config } = await jsm.streams.info("OBJ_indirect");
  await storeBytes(indirect, "a", someBytes(3_000_000));
  await jsm.streams.update("OBJ_indirect", { ...config, allow_direct: false });
  // Both who opened it before and who opens it now.
  assertEquals(await fetchBytes(indirect, "a"), someBytes(3_000_000));
  const reopened = await openObjectStore(nc, "indirect");
  assertEquals(reopened.direct, false);
  assertEquals(await fetchBytes(reopened, "a"), someBytes(3_000_000));
});

test("fetchBytes() and storeBytes() work with a server that has no batched direct get", async () => {
  await using old = await startNatsServer({ version: "2.10.25" });
  const other = await connect({ servers: old.url });
  try {
    const theirs = await openObjectStore(other, "old", { create: true });
    for (const size of [0, 1_000, 2_500_001]) {
      await storeBytes(theirs, "a", someBytes(size, size + 1));
      assertEquals(await fetchBytes(theirs, "a"), someBytes(size, size + 1));
    }
  } finally {
    await other.close();
  }
});

test("fetchBytes() rejects with the reason when it is aborted", async () => {
  const reason = new Error("enough");
  await storeBytes(store, "long", someBytes(5_000), { chunkSize: 1_000 });
  const signal = AbortSignal.abort(reason);
  assertEquals(await assertRejects(() => fetchBytes(store, "long", { signal })), reason);
  const controller = new AbortController();
  const watched = onEachChunk(store, (count) => {
    if (count === 3) controller.abort(reason);
  });
  const late = () => fetchBytes(watched, "long", { signal: controller.signal });
  assertEquals(await assertRejects(late), reason);
});

test("fetchBytes() refuses bad arguments before anything is sent", async () => {
  const sent = nc.stats().outMsgs;
  for (const name of ["", "\udc00", 1 as unknown as string]) {
    await assertRejects(() => fetchBytes(store, name), TypeError);
  }
  await assertRejects(() => fetchBytes(store, "x".repeat(3_000)), RangeError, "too long");
  await assertRejects(() => fetchBytes(store, "a", { timeout: 0 }), RangeError, "timeout is 0");
  const signal = {} as AbortSignal;
  await assertRejects(() => fetchBytes(store, "a", { signal }), TypeError, "signal is an Object");
  assertEquals(nc.stats().outMsgs, sent);
});

test("fetchBytes() fails at once when the connection is closed", async () => {
  const other = await connect({ servers: server.url });
  const theirs = await openObjectStore(other, "fetch");
  await other.close();
  const started = Date.now();
  const error = await assertRejects(() => fetchBytes(theirs, "long"));
  assertEquals(error.name, "ConnectionClosedError");
  assert(Date.now() - started < 1_000);
});
