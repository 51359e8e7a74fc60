import { after, before, test } from "node:test";
import process from "node:process";
import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { headers, type NatsConnection } from "@nats-io/nats-core";
import { Objm } from "@nats-io/obj";
import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { connect } from "../../src/connect/connect.ts";
import type { UploadContext } from "../../src/_upload.ts";
import { BucketRefusedError, SourceError } from "../../src/errors.ts";
import {
  fetchBytes,
  objectSink,
  type ObjectStore,
  openObjectStore,
  storeBytes,
} from "../../src/objects/mod.ts";
import { type NatsServer, startNatsServer } from "../../src/testing/mod.ts";
import { eventually, someBytes } from "./_support.ts";

const ID = "0d5f2d0e-8f0a-4c43-9d27-1c9a4f6b2f11";

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

function contextOf(given: Partial<UploadContext>): UploadContext {
  return {
    uploadId: ID,
    size: 0,
    filename: undefined,
    contentType: undefined,
    headers: headers(),
    subject: "uploads",
    deliveryCount: 1,
    signal: new AbortController().signal,
    ...given,
  };
}

/** A stream of these pieces. */
function streamOf(...pieces: Uint8Array[]): ReadableStream<Uint8Array> {
  const rest = [...pieces];
  return new ReadableStream({
    pull: (controller) => {
      const piece = rest.shift();
      if (piece) controller.enqueue(piece);
      else controller.close();
    },
  });
}

/** A stream that is fed by hand. */
function openStream(): {
  stream: ReadableStream<Uint8Array>;
  controller: ReadableStreamDefaultController<Uint8Array>;
  cancelled: Promise<unknown>;
} {
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  const { promise, resolve } = Promise.withResolvers<unknown>();
  const stream = new ReadableStream<Uint8Array>({
    start: (given) => void (controller = given),
    cancel: resolve,
  });
  return { stream, controller, cancelled: promise };
}

/** Hands an upload to a sink. */
async function send(
  sink: ReturnType<typeof objectSink>,
  stream: ReadableStream<Uint8Array>,
  given: Partial<UploadContext>,
): Promise<void> {
  await sink(stream, contextOf(given));
}

test("objectSink() stores an upload under its name, in chunks of one size, for every client", async () => {
  const data = someBytes(250_000);
  const pieces = [0, 1, 90_000, 90_000, 200_000, 250_000].map((end, index, ends) =>
    data.subarray(ends[index - 1] ?? 0, end)
  );
  const sink = objectSink(store, { chunkSize: 100_000, description: "an upload" });
  await send(sink, streamOf(...pieces), {
    size: 250_000,
    filename: "dir/data.bin",
    contentType: "text/plain",
  });
  assertEquals(await fetchBytes(store, "dir/data.bin"), data);
  const official = await new Objm(nc).open("store");
  assertEquals(Uint8Array.from((await official.getBlob("dir/data.bin"))!), data);
  const info = await official.info("dir/data.bin");
  assertEquals([info!.size, info!.chunks, info!.description], [250_000, 3, "an upload"]);
  assertEquals(info!.headers!.get("Content-Type"), "text/plain");
});

test("objectSink() names an upload without a name by its id, and stores an empty one", async () => {
  await send(objectSink(store), streamOf(), { size: 0 });
  assertEquals(await fetchBytes(store, ID), new Uint8Array());
  await send(objectSink(store), streamOf(Uint8Array.of(7)), { size: 1, filename: "" });
  assertEquals(await fetchBytes(store, ID), Uint8Array.of(7));
});

test("objectSink() lets name choose, and keeps the Content-Type that it is told", async () => {
  const sink = objectSink(store, {
    name: ({ filename, subject }) => `${subject}/${filename}`,
    headers: { "content-type": "image/png" },
  });
  await send(sink, streamOf(Uint8Array.of(1)), {
    size: 1,
    filename: "f",
    contentType: "text/plain",
  });
  const info = await (await new Objm(nc).open("store")).info("uploads/f");
  assertEquals([...info!.headers!], [["content-type", ["image/png"]]]);
  const bad = openStream();
  const error = await assertRejects(
    () => send(objectSink(store, { name: () => "" }), bad.stream, { size: 1 }),
    TypeError,
    "an object's name",
  );
  assertStrictEquals(await bad.cancelled, error);
});

test("objectSink() replaces the same upload by its equal, and leaves the chunks of one", async () => {
  const twice = await openObjectStore(nc, "twice", { create: true });
  const data = someBytes(5_000);
  const sink = objectSink(twice, { chunkSize: 1_000 });
  for (let round = 0; round < 2; round++) {
    await send(sink, streamOf(data), { size: 5_000, filename: "a" });
  }
  assertEquals(await fetchBytes(twice, "a"), data);
  assertEquals(Object.values(await subjects("twice", "C")), [5]);
  assertEquals(Object.values(await subjects("twice", "M")), [1]);
});

test("objectSink() shows nothing before the stream has ended", async () => {
  const late = await openObjectStore(nc, "late", { create: true });
  await storeBytes(late, "a", Uint8Array.of(1));
  const { stream, controller } = openStream();
  const done = send(objectSink(late, { chunkSize: 10 }), stream, { size: 20, filename: "a" });
  controller.enqueue(someBytes(20));
  await eventually(
    async () => Object.values(await subjects("late", "C")).includes(2),
    "both chunks are stored",
  );
  assertEquals(await fetchBytes(late, "a"), Uint8Array.of(1));
  controller.close();
  await done;
  assertEquals(await fetchBytes(late, "a"), someBytes(20));
  assertEquals(Object.values(await subjects("late", "C")), [2]);
});

test("objectSink() leaves the version before, and no chunk, when the stream fails at its end", async () => {
  const failed = await openObjectStore(nc, "failed", { create: true });
  await storeBytes(failed, "a", Uint8Array.of(1));
  const { stream, controller } = openStream();
  const done = send(objectSink(failed, { chunkSize: 10 }), stream, { size: 20, filename: "a" });
  controller.enqueue(someBytes(20));
  await eventually(
    async () => Object.values(await subjects("failed", "C")).includes(2),
    "both chunks are stored",
  );
  const reason = new Error("the digest is another one");
  controller.error(reason);
  const error = await assertRejects(() => done, SourceError);
  assertStrictEquals(error.cause, reason);
  assertEquals(await fetchBytes(failed, "a"), Uint8Array.of(1));
  assertEquals(Object.values(await subjects("failed", "C")), [1]);
});

test("objectSink() leaves nothing when the stream has another size than announced", async () => {
  const sized = await openObjectStore(nc, "sized", { create: true });
  const sink = objectSink(sized, { chunkSize: 10 });
  for (const size of [19, 21]) {
    await assertRejects(
      () => send(sink, streamOf(someBytes(15), someBytes(5)), { size, filename: "a" }),
      SourceError,
    );
  }
  assertEquals(await subjects("sized", "C"), {});
  assertEquals(await subjects("sized", "M"), {});
});

test("objectSink() removes what it stored, and cancels the stream, when its signal aborts", async () => {
  const aborted = await openObjectStore(nc, "aborted", { create: true });
  const abort = new AbortController();
  const reason = new Error("given up");
  const { stream, controller, cancelled } = openStream();
  const sink = objectSink(aborted, { chunkSize: 10 });
  const done = send(sink, stream, { size: 100, filename: "a", signal: abort.signal });
  controller.enqueue(someBytes(30));
  await eventually(
    async () => Object.values(await subjects("aborted", "C")).includes(3),
    "three chunks are stored",
  );
  abort.abort(reason);
  assertStrictEquals(await assertRejects(() => done), reason);
  assertStrictEquals(await cancelled, reason);
  assertEquals(await subjects("aborted", "C"), {});
  assertEquals(await subjects("aborted", "M"), {});

  const late = openStream();
  assertStrictEquals(
    await assertRejects(() => send(sink, late.stream, { size: 1, signal: abort.signal })),
    reason,
  );
  assertStrictEquals(await late.cancelled, reason);
});

test("objectSink() fails at once, although the sender pauses, when the object store is full", async () => {
  const full = await openObjectStore(nc, "full", { create: { maxBytes: 100_000 } });
  const { stream, controller, cancelled } = openStream();
  const sink = objectSink(full, { chunkSize: 10_000 });
  const done = send(sink, stream, { size: 1_000_000, filename: "a" });
  controller.enqueue(someBytes(200_000));
  const error = await assertRejects(() => done, BucketRefusedError);
  assert(/maximum bytes/.test(error.message), error.message);
  await cancelled;
  assertEquals(await subjects("full", "C"), {});
});

test("objectSink() stores a big upload in constant memory, and slows its source", {
  timeout: 30_000,
}, async () => {
  const pieces = 100;
  const size = 2_000_000;
  let made = 0;
  let most = 0;
  const before = process.memoryUsage().rss;
  const stream = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      if (made === pieces) return controller.close();
      made++;
      most = Math.max(most, process.memoryUsage().rss - before);
      controller.enqueue(new Uint8Array(size).fill(made));
    },
  });
  await send(objectSink(store), stream, { size: pieces * size, filename: "big" });
  const info = await (await new Objm(nc).open("store")).info("big");
  assertEquals([info!.size, info!.chunks], [pieces * size, pieces * 2]);
  assert(most < 150e6, `${Math.round(most / 1e6)} MB more than before`);
});

test("objectSink() refuses bad arguments at once", () => {
  const bad = (options: object, handle: unknown = store) => () =>
    objectSink(handle as ObjectStore, options);
  assertThrows(bad({}, nc), TypeError);
  assertThrows(bad({ nmae: "a" }), TypeError, 'unknown field "nmae"');
  assertThrows(bad({ signal: AbortSignal.abort() }), TypeError, 'unknown field "signal"');
  assertThrows(bad({ name: "a" }), TypeError, "name is a string, wanted is a function");
  assertThrows(bad({ chunkSize: 0 }), RangeError, "chunkSize is 0");
  assertThrows(bad({ timeout: NaN }), RangeError, "timeout is NaN");
  assertThrows(bad({ headers: { a: 5 } }), TypeError, 'headers["a"] has a number');
});
