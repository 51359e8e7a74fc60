import { after, before, test } from "node:test";
import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { headers, type NatsConnection } from "@nats-io/nats-core";
import { type ObjectStore as OfficialStore, Objm } from "@nats-io/obj";
import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { connect } from "../../src/connect/connect.ts";
import { createSha256, formatDigest } from "../../src/_digest.ts";
import { BucketNotFoundError, BucketRefusedError, NoProgressError } from "../../src/errors.ts";
import {
  fetchBytes,
  type ObjectStore,
  openObjectStore,
  storeBytes,
} from "../../src/objects/mod.ts";
import { type NatsServer, startNatsServer } from "../../src/testing/mod.ts";
import { eventually, someBytes } from "./_support.ts";

let server: NatsServer;
let nc: NatsConnection;
let jsm: JetStreamManager;
let store: ObjectStore;
before(async () => {
  server = await startNatsServer();
  nc = await connect({ servers: server.url });
  jsm = await jetstreamManager(nc);
  store = await openObjectStore(nc, "store", { create: true });
});
after(async () => {
  await nc?.close();
  await server?.stop();
});

/** How many messages there are per subject. */
async function subjects(bucket: string, filter: "C" | "M"): Promise<Record<string, number>> {
  const options = { subjects_filter: `$O.${bucket}.${filter}.>` };
  const { state } = await jsm.streams.info(`OBJ_${bucket}`, options);
  return state.subjects ?? {};
}

/** What the official client reads, which is a Buffer on some runtimes. */
async function officialBytes(official: OfficialStore, name: string): Promise<Uint8Array | null> {
  const bytes = await official.getBlob(name);
  return bytes && new Uint8Array(bytes);
}

async function digestOf(bytes: Uint8Array): Promise<string> {
  const hash = await createSha256();
  hash.update(bytes);
  return formatDigest(hash.digest());
}

test("storeBytes() stores what the official client reads, at sizes around the chunk size", async () => {
  const official = await new Objm(nc).open("store");
  for (const size of [0, 1, 999, 1_000, 1_001, 2_000, 10_001]) {
    const data = someBytes(size, size + 1);
    const name = `size ${size}`;
    const info = await storeBytes(store, name, data, { chunkSize: 1_000 });
    assertEquals(info.size, size);
    assertEquals(info.chunks, Math.ceil(size / 1_000));
    assertEquals(info.digest, await digestOf(data));
    assertEquals((await subjects("store", "C"))[`$O.store.C.${info.nuid}`] ?? 0, info.chunks);
    assertEquals(await officialBytes(official, name), data, name);
    assertEquals(await fetchBytes(store, name), data, name);
    const read = await official.info(name);
    assertEquals(read?.nuid, info.nuid);
    assertEquals(read?.revision, info.revision);
    assertEquals(read?.digest, info.digest);
    assertEquals(new Date(read!.mtime), info.modified);
    assertEquals(read?.options?.max_chunk_size, 1_000);
  }
});

test("storeBytes() writes the digest of the empty object and no chunk when there are no bytes", async () => {
  const info = await storeBytes(store, "empty", new Uint8Array());
  assertEquals(info.digest, "SHA-256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU=");
  assertEquals([info.size, info.chunks], [0, 0]);
  assertEquals(await fetchBytes(store, "empty"), new Uint8Array());
});

test("storeBytes() fits its chunks into a default server when nothing is set", async () => {
  const data = someBytes(5_300_000);
  const info = await storeBytes(store, "big", data);
  assertEquals(info.chunks, 6);
  assertEquals(await fetchBytes(store, "big"), data);
  assertEquals(await officialBytes(await new Objm(nc).open("store"), "big"), data);
});

test("storeBytes() fits its chunks into a server with a small max_payload", async () => {
  await using small = await startNatsServer({ maxPayload: 4_096 });
  const other = await connect({ servers: small.url });
  try {
    const tight = await openObjectStore(other, "tight", { create: true });
    const data = someBytes(100_000);
    const info = await storeBytes(tight, "a", data);
    assertEquals(info.chunks, Math.ceil(100_000 / (4_096 - 1_024)));
    assertEquals(await fetchBytes(tight, "a"), data);
    await assertRejects(
      () => storeBytes(tight, "b", data, { chunkSize: 4_000 }),
      RangeError,
      "chunkSize is 4000, wanted is a whole number from 1 to 3072",
    );
    await assertRejects(
      () => storeBytes(tight, "b", data, { description: "x".repeat(3_000) }),
      RangeError,
      'description, headers and metadata of "b" take',
    );
  } finally {
    await other.close();
  }
});

test("storeBytes() reads a Blob piece by piece", async () => {
  const data = someBytes(250_001);
  const info = await storeBytes(
    store,
    "blob",
    new Blob([data.slice(0, 100_000), data.slice(100_000)]),
    {
      chunkSize: 100_000,
    },
  );
  assertEquals([info.size, info.chunks], [250_001, 3]);
  assertEquals(await fetchBytes(store, "blob"), data);
});

test("storeBytes() stores the bytes of a view and not those around it", async () => {
  const around = someBytes(1_000);
  await storeBytes(store, "view", around.subarray(100, 150));
  assertEquals(await fetchBytes(store, "view"), around.slice(100, 150));
});

test("storeBytes() keeps description, headers and metadata where the official client finds them", async () => {
  const options = {
    description: "für alle",
    headers: { "Content-Type": "text/plain", "X-Tag": ["one", "two"] },
    metadata: { owner: "ada" },
  };
  const given = structuredClone(options);
  const info = await storeBytes(store, "described", Uint8Array.of(1), options);
  assertEquals(options, given);
  assertEquals(info.description, "für alle");
  assertEquals(info.headers, { "Content-Type": ["text/plain"], "X-Tag": ["one", "two"] });
  assertEquals(info.metadata, { owner: "ada" });
  const read = await (await new Objm(nc).open("store")).info("described");
  assertEquals(read?.description, "für alle");
  assertEquals(read?.headers?.values("X-Tag"), ["one", "two"]);
  assertEquals(read?.metadata, { owner: "ada" });
});

test("storeBytes() replaces an object and removes the chunks of the version before", async () => {
  const first = await storeBytes(store, "replaced", someBytes(5_000, 1), { chunkSize: 1_000 });
  const second = await storeBytes(store, "replaced", someBytes(3_000, 2), { chunkSize: 1_000 });
  assertNotEquals(second.nuid, first.nuid);
  assert(second.revision > first.revision);
  const chunks = await subjects("store", "C");
  assertEquals(chunks[`$O.store.C.${first.nuid}`], undefined);
  assertEquals(chunks[`$O.store.C.${second.nuid}`], 3);
  assertEquals(await fetchBytes(store, "replaced"), someBytes(3_000, 2));
});

test("storeBytes() replaces what the official client wrote, deleted or linked", async () => {
  const official = await new Objm(nc).open("store");
  const written = await official.putBlob({ name: "foreign" }, someBytes(1_000));
  const gone = await official.putBlob({ name: "gone" }, someBytes(1_000));
  await official.delete("gone");
  await official.link("link", written);
  for (const name of ["foreign", "gone", "link"]) {
    await storeBytes(store, name, someBytes(2_000, 3), { chunkSize: 1_000 });
    assertEquals(await fetchBytes(store, name), someBytes(2_000, 3));
    assertEquals(await officialBytes(official, name), someBytes(2_000, 3));
  }
  const chunks = await subjects("store", "C");
  assertEquals(chunks[`$O.store.C.${written.nuid}`], undefined);
  assertEquals(chunks[`$O.store.C.${gone.nuid}`], undefined);
});

test("storeBytes() leaves one whole version and no other chunk when many write one name", async () => {
  const busy = await openObjectStore(nc, "busy", { create: true });
  const versions = Array.from({ length: 20 }, (_, index) => someBytes(2_500, index + 1));
  const infos = await Promise.all(
    versions.map((data) => storeBytes(busy, "one", data, { chunkSize: 1_000 })),
  );
  const revisions = infos.map(({ revision }) => revision);
  assertEquals(new Set(revisions).size, 20);
  const last = infos[revisions.indexOf(Math.max(...revisions))]!;
  assertEquals(await fetchBytes(busy, "one"), versions[infos.indexOf(last)]!);
  assertEquals(await subjects("busy", "C"), { [`$O.busy.C.${last.nuid}`]: 3 });
  assertEquals(Object.values(await subjects("busy", "M")), [1]);
});

test("storeBytes() takes any name", async () => {
  const names = [
    " ",
    ".",
    "*",
    ">",
    "a/b.c",
    "ü",
    "名前",
    "😀",
    "é.txt",
    "a\nb",
    "x".repeat(2_000),
  ];
  for (const [index, name] of names.entries()) {
    await storeBytes(store, name, Uint8Array.of(index));
  }
  for (const [index, name] of names.entries()) {
    assertEquals(await fetchBytes(store, name), Uint8Array.of(index), name);
  }
  // The subject that every client but @nats-io/obj uses: the name as UTF-8.
  assert("$O.store.M.w6kudHh0" in await subjects("store", "M"));
});

test("storeBytes() replaces what @nats-io/obj wrote under a name beyond ASCII", async () => {
  const official = await new Objm(nc).open("store");
  const old = await official.putBlob({ name: "fenêtre" }, someBytes(100));
  assertEquals(await fetchBytes(store, "fenêtre"), someBytes(100));
  await storeBytes(store, "fenêtre", someBytes(200));
  assertEquals(await fetchBytes(store, "fenêtre"), someBytes(200));
  // Not the old bytes: the official client looks elsewhere and must not find what is no longer there.
  assertEquals(await official.getBlob("fenêtre"), null);
  assertEquals((await subjects("store", "C"))[`$O.store.C.${old.nuid}`], undefined);
});

test("storeBytes() does not overwrite another object whose name meets it in one subject", async () => {
  const official = await new Objm(nc).open("store");
  await official.putBlob({ name: "Ã©" }, someBytes(100));
  await assertRejects(
    () => storeBytes(store, "é", someBytes(200)),
    BucketRefusedError,
    'another client keeps the object "Ã©" in its place',
  );
  assertEquals(await officialBytes(official, "Ã©"), someBytes(100));
  assertEquals(await fetchBytes(store, "é"), null);
});

test("storeBytes() refuses bad arguments before anything is sent", async () => {
  const data = Uint8Array.of(1);
  const sent = nc.stats().outMsgs;
  for (const name of ["", 7 as unknown as string, undefined as unknown as string]) {
    await assertRejects(() => storeBytes(store, name, data), TypeError, "an object's name");
  }
  await assertRejects(() => storeBytes(store, "\ud800", data), TypeError, "lone surrogate");
  await assertRejects(() => storeBytes(store, "x".repeat(3_000), data), RangeError, "too long");
  for (const chunkSize of [0, -1, 1.5, NaN, 1_048_576, Infinity]) {
    await assertRejects(
      () => storeBytes(store, "a", data, { chunkSize }),
      RangeError,
      `chunkSize is ${chunkSize}`,
    );
  }
  for (const timeout of [0, -1, NaN]) {
    await assertRejects(() => storeBytes(store, "a", data, { timeout }), RangeError, "timeout");
  }
  const cases: [object, string][] = [
    [{ description: 5 }, "description is a number, wanted is a string"],
    [{ metadata: { a: 5 } }, 'metadata["a"] is a number, wanted is a string'],
    [{ headers: { a: 5 } }, 'headers["a"] has a number, wanted is a string or several'],
    [{ headers: { a: ["b", null] } }, 'headers["a"] has null, wanted is a string or several'],
    [{ headers: null }, "headers is null, wanted is an object"],
    [{ headers: "a: b" }, "headers is a string, wanted is an object"],
    [{ signal: {} }, "signal is an Object, wanted is an AbortSignal"],
    [{ chunkSize: "5" }, "chunkSize is a string, wanted is a number"],
  ];
  for (const [options, message] of cases) {
    await assertRejects(() => storeBytes(store, "a", data, options), TypeError, message);
  }
  for (const bad of ["text", [1], null, new ArrayBuffer(1)]) {
    await assertRejects(
      () => storeBytes(store, "a", bad as unknown as Uint8Array),
      TypeError,
      "wanted is a Uint8Array or a Blob",
    );
  }
  assertEquals(nc.stats().outMsgs, sent);
});

test("storeBytes() names the store when it is sealed", async () => {
  const sealed = await openObjectStore(nc, "sealed", { create: true });
  await storeBytes(sealed, "a", Uint8Array.of(1));
  await (await new Objm(nc).open("sealed")).seal().catch(() => {});
  assertEquals((await jsm.streams.info("OBJ_sealed")).config.sealed, true);
  const error = await assertRejects(
    () => storeBytes(sealed, "a", Uint8Array.of(2)),
    BucketRefusedError,
    'object store "sealed" does not store the object "a": ',
  );
  assert(/sealed/.test(error.message.split(": ")[1]!), error.message);
  assertEquals(await fetchBytes(sealed, "a"), Uint8Array.of(1));
});

test("storeBytes() names the store, keeps the old version and no new chunk when there is no space", async () => {
  const full = await openObjectStore(nc, "full", { create: { maxBytes: 100_000 } });
  const old = await storeBytes(full, "a", someBytes(10_000), { chunkSize: 1_000 });
  const error = await assertRejects(
    () => storeBytes(full, "a", someBytes(200_000), { chunkSize: 1_000 }),
    BucketRefusedError,
    'object store "full" does not store the object "a": ',
  );
  assertEquals(error.bucket, "full");
  assert(/maximum bytes/.test(error.message), error.message);
  assertEquals(await fetchBytes(full, "a"), someBytes(10_000));
  assertEquals(await subjects("full", "C"), { [`$O.full.C.${old.nuid}`]: 10 });
});

test("storeBytes() names the store when it was deleted since", async () => {
  const deleted = await openObjectStore(nc, "deleted", { create: true });
  await jsm.streams.delete("OBJ_deleted");
  const store = (): Promise<unknown> => storeBytes(deleted, "a", Uint8Array.of(1));
  await assertRejects(store, BucketNotFoundError, '"deleted"');
  await assertRejects(() => storeBytes(deleted, "a", new Uint8Array()), BucketNotFoundError);
  assertEquals(await jsm.streams.names("$O.deleted.>").next(), []);
});

test("storeBytes() removes what it stored and rejects with the reason when it is aborted", async () => {
  const aborted = await openObjectStore(nc, "aborted", { create: true });
  const old = await storeBytes(aborted, "a", someBytes(1_000));
  const reason = new Error("changed my mind");
  const early = await assertRejects(
    () => storeBytes(aborted, "a", someBytes(10), { signal: AbortSignal.abort(reason) }),
  );
  assertEquals(early, reason);

  const controller = new AbortController();
  const acks = nc.subscribe("$O.aborted.C.>", {
    callback: () => {
      if (acks.getReceived() === 5) controller.abort(reason);
    },
  });
  const late = await assertRejects(
    () =>
      storeBytes(aborted, "a", someBytes(40_000_000), {
        chunkSize: 100_000,
        signal: controller.signal,
      }),
  );
  acks.unsubscribe();
  assertEquals(late, reason);
  assertEquals(await subjects("aborted", "C"), { [`$O.aborted.C.${old.nuid}`]: 1 });
  assertEquals(await fetchBytes(aborted, "a"), someBytes(1_000));
});

test("storeBytes() rejects with the reason, not with its own time-out, when AbortSignal.timeout ends it", async () => {
  const signal = AbortSignal.timeout(30);
  const error = await assertRejects(async () => {
    for (;;) await storeBytes(store, "timed", someBytes(1_000_000), { signal });
  });
  assertEquals(error, signal.reason);
});

test("storeBytes() fails at once when the connection is closed", async () => {
  const other = await connect({ servers: server.url });
  const theirs = await openObjectStore(other, "store");
  await other.close();
  const started = Date.now();
  const error = await assertRejects(() => storeBytes(theirs, "a", someBytes(10)));
  assertEquals(error.name, "ConnectionClosedError");
  assert(Date.now() - started < 1_000);
});

test("storeBytes() fails at once when the connection closes while it stores", async () => {
  const other = await connect({ servers: server.url });
  const theirs = await openObjectStore(other, "store");
  const seen = nc.subscribe("$O.store.C.>", { max: 3, callback: () => {} });
  await nc.flush();
  const storing = storeBytes(theirs, "closing", someBytes(60_000_000), { chunkSize: 100_000 });
  void seen.closed.then(() => other.close());
  const started = Date.now();
  await assertRejects(() => storing);
  assert(Date.now() - started < 3_000);
  assertEquals(await fetchBytes(store, "closing"), null);
});

test("storeBytes() leaves objects with another writer's headers readable", async () => {
  // A publish by hand in the form of ADR-20, as a client without an object store API would make it.
  const header = headers();
  header.set("Nats-Rollup", "sub");
  const { nuid } = await storeBytes(store, "by hand", someBytes(10));
  const record = {
    name: "by hand",
    bucket: "store",
    nuid,
    size: 10,
    chunks: 1,
    headers: null,
    options: null,
  };
  const digest = await digestOf(someBytes(10));
  const subject = `$O.store.M.${btoa("by hand")}`;
  await store.js.publish(subject, JSON.stringify({ ...record, digest }), { headers: header });
  assertEquals(await fetchBytes(store, "by hand"), someBytes(10));
  const info = await storeBytes(store, "by hand", someBytes(20));
  assertEquals(info.headers, {});
  assertEquals(await fetchBytes(store, "by hand"), someBytes(20));
});

test("storeBytes() asks the server that comes back for its limits when it begins while disconnected", async () => {
  await using narrow = await startNatsServer({ maxPayload: 100_000 });
  const other = await connect({ servers: narrow.url, reconnectWait: 20, reconnectJitter: 0 });
  try {
    const theirs = await openObjectStore(other, "narrow", { create: true });
    await narrow.kill();
    await eventually(() => other.info === undefined, "the connection is lost");
    const hurry = () => storeBytes(theirs, "b", Uint8Array.of(1), { timeout: 50 });
    await assertRejects(hurry, NoProgressError, 'store the object "b": no progress for 50 ms');
    const stored = storeBytes(theirs, "a", someBytes(300_000));
    await narrow.restart();
    assertEquals((await stored).chunks, 4);
    assertEquals(await fetchBytes(theirs, "a"), someBytes(300_000));
  } finally {
    await other.close();
  }
});
