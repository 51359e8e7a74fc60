import { test } from "node:test";
import type { NatsConnection } from "@nats-io/nats-core";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import { publishChunked } from "../../src/chunked/publish_chunked.ts";
import {
  ChunkedPublishError,
  ConnectionClosedError,
  HandlerTimeoutError,
  PermanentError,
} from "../../src/errors.ts";
import { startNatsServer } from "../../src/testing/mod.ts";
import { startProxy } from "../_proxy.ts";
import { until } from "../_until.ts";
import { failure } from "./_failure.ts";
import { useServer } from "./_server.ts";
import { type RunningHandler, startHandler } from "./_streaming.ts";
import { cutByHand, digestOf, headersOf, payloadOf, type RawChunk } from "./_support.ts";

const world = useServer();
const { open } = world;

let subjects = 0;
const newSubject = (): string => `faults.${++subjects}`;

/** Publishes chunks as they are. */
function publishRaw(nc: NatsConnection, subject: string, chunks: RawChunk[]): Promise<void> {
  for (const { headers, data } of chunks) {
    nc.publish(subject, data, { headers: headersOf(headers) });
  }
  return nc.flush();
}

const reasons = ({ rejected }: RunningHandler): string[] => rejected.map(({ reason }) => reason);

test(
  "receiveChunked() completes across a kill and restart of the server",
  { timeout: 30_000 },
  async () => {
    const [nc, sender] = [await open(), await open()];
    const subject = newSubject();
    const running = await startHandler(nc, subject);
    const data = payloadOf(8_000_000);
    let restarted: Promise<void> | undefined;
    const receipt = await publishChunked(sender, subject, data, {
      chunkSize: 20_000,
      window: 400_000,
      onProgress: ({ confirmedBytes }) => {
        if (confirmedBytes < 2_000_000) return;
        restarted ??= world.server.kill().then(() => world.server.restart());
      },
    });
    await restarted;
    assertEquals(receipt.confirmed, true);
    assertEquals(running.taken.map(({ digest }) => digest), [await digestOf(data)]);
    assertEquals([running.begun.length, running.rejected], [1, []]);
  },
);

test(
  "receiveChunked() starts again when the receiver was started anew",
  { timeout: 30_000 },
  async () => {
    await using proxy = await startProxy(world.server.port);
    const first = await open({ servers: proxy.url, reconnect: false });
    const sender = await open();
    const subject = newSubject();
    const one = await startHandler(first, subject, {
      onChunk: () => new Promise((resolve) => setTimeout(resolve, 1)),
    });
    let two: RunningHandler | undefined;
    let crash: Promise<void> | undefined;
    const data = payloadOf(2_000_000);
    await publishChunked(sender, subject, data, {
      chunkSize: 20_000,
      window: 100_000,
      onProgress: ({ confirmedBytes }) => {
        if (confirmedBytes < 500_000) return;
        crash ??= (async () => {
          proxy.cut();
          await assertRejects(() => one.receiver.closed, ConnectionClosedError);
          two = await startHandler(await open(), subject);
        })();
      },
    });
    await crash;
    assertEquals([one.taken, reasons(one)], [[], ["abandoned"]]);
    assertEquals(two!.taken.map(({ digest }) => digest), [await digestOf(data)]);
  },
);

test("receiveChunked() tells the sender that the receiver left midway", async () => {
  const [nc, sender] = [await open(), await open()];
  const subject = newSubject();
  const running = await startHandler(nc, subject, {
    onChunk: () => new Promise((resolve) => setTimeout(resolve, 5)),
  });
  const sending = publishChunked(sender, subject, payloadOf(2_000_000), { chunkSize: 20_000 });
  const failed = failure(sending, "rejected");
  await until(() => running.begun.length === 1);
  await running.receiver.stop({ timeout: 0 });
  assert((await failed).message.endsWith("abandoned"));
  assertEquals([running.taken, reasons(running)], [[], ["abandoned"]]);
});

test("receiveChunked() tells the sender that the handler failed, but not with what", async () => {
  const nc = await open();
  const subject = newSubject();
  const error = new Error("the password is 1234");
  const running = await startHandler(nc, subject, {
    after: () => Promise.reject(error),
  });
  const failed = await failure(
    publishChunked(nc, subject, payloadOf(5_000), { chunkSize: 1_000 }),
    "rejected",
  );
  assert(failed.message.endsWith("the handler failed"), failed.message);
  const [event] = running.rejected;
  assertEquals([event!.reason, event!.scope, running.rejected.length], ["failed", "upload", 1]);
  assertStrictEquals(event!.error, error);
  assertEquals(running.taken, []);
});

test("receiveChunked() tells the sender what a PermanentError says", async () => {
  const nc = await open();
  const subject = newSubject();
  const running = await startHandler(nc, subject, {
    before: () => Promise.reject(new PermanentError("only images are taken here")),
  });
  const failed = await failure(publishChunked(nc, subject, payloadOf(50)), "rejected");
  assert(failed.message.endsWith("only images are taken here"), failed.message);
  assertInstanceOf(running.rejected[0]!.error, PermanentError);
});

test("receiveChunked() gives up a handler that hangs past handlerTimeout", async () => {
  const nc = await open();
  const subject = newSubject();
  const running = await startHandler(nc, subject, {
    before: (_stream, { size }) => size === 50 ? new Promise(() => {}) : undefined,
    options: { handlerTimeout: 100 },
  });
  const failed = await failure(publishChunked(nc, subject, payloadOf(50)), "rejected");
  assert(failed.message.includes("no progress for 100 ms"), failed.message);
  assertInstanceOf(running.rejected[0]!.error, HandlerTimeoutError);
  assertEquals(running.begun[0]!.signal.aborted, true);
  await publishChunked(nc, subject, payloadOf(51));
  assertEquals(running.taken.length, 1);
});

test("receiveChunked() refuses a wrong digest without ending the handler's stream", async () => {
  const nc = await open();
  const subject = newSubject();
  const running = await startHandler(nc, subject);
  const data = payloadOf(3_000);
  const chunks = cutByHand(data, 1_000);
  chunks[2]!.headers["X-Payload-Digest"] = await digestOf(payloadOf(3_000, 2));
  await publishRaw(nc, subject, chunks);
  await until(() => running.rejected.length > 0);
  await publishChunked(nc, subject, data);
  assertEquals(reasons(running), ["digest"]);
  assertEquals(running.taken.map(({ bytes }) => bytes), [3_000]);
});

test("receiveChunked() takes version-1 senders, in any order", async () => {
  const nc = await open();
  const subject = newSubject();
  const running = await startHandler(nc, subject);
  const data = payloadOf(10_500);
  for (const turn of [(at: number) => at, (at: number) => 10 - at, (at: number) => (at * 4) % 11]) {
    const chunks = cutByHand(data, 1_000);
    await publishRaw(nc, subject, chunks.map((_, at) => chunks[turn(at)]!));
  }
  await until(() => running.taken.length === 3);
  const digest = await digestOf(data);
  assertEquals(running.taken.map((each) => each.digest), [digest, digest, digest]);
  assertEquals(running.rejected, []);
});

test("receiveChunked() gives up a version-1 sender that is faster than the handler", {
  timeout: 30_000,
}, async () => {
  const nc = await open();
  const subject = newSubject();
  const gate = Promise.withResolvers<void>();
  const running = await startHandler(nc, subject, {
    before: (_stream, { size }) => size > 1_000_000 ? gate.promise : undefined,
  });
  const chunks = cutByHand(new Uint8Array(40_000_000), 1_000_000);
  for (const chunk of chunks) await publishRaw(nc, subject, [chunk]);
  await until(() => running.rejected.length > 1);
  const [first, ...others] = running.rejected;
  assertEquals([first!.reason, first!.scope], ["full", "upload"]);
  assertEquals([...new Set(others.map(({ reason }) => reason))], ["rejected"]);
  assertEquals(running.begun[0]!.signal.aborted, true);
  gate.resolve();
  await publishChunked(nc, subject, payloadOf(1_000));
  assertEquals(running.taken.length, 1);
});

test("receiveChunked() does not let one bad chunk harm its upload, nor others", async () => {
  const [nc, stranger] = [await open(), await open()];
  const subject = newSubject();
  const gate = Promise.withResolvers<void>();
  const running = await startHandler(nc, subject, { before: () => gate.promise });
  const data = payloadOf(100_000);
  const uploadId = crypto.randomUUID();
  const sending = publishChunked(nc, subject, data, { chunkSize: 1_000, uploadId, window: 5_000 });
  await until(() => running.begun.length === 1);
  const [chunk] = cutByHand(data, 1_000, { uploadId });
  const bad = (change: Record<string, string>, body = chunk!.data): RawChunk => ({
    headers: { ...chunk!.headers, "X-Chunked-Upload-Id": crypto.randomUUID(), ...change },
    data: body,
  });
  await publishRaw(stranger, subject, [
    bad({ "X-Chunk-Index": "x" }),
    bad({ "X-Chunked-Upload-Id": "nonsense" }),
    bad({ "X-Chunk-Index": "100" }),
    bad({ "X-Total-Size": "1e3" }),
    bad({ "X-Payload-Digest": "SHA-256=short" }),
    bad({ "X-Chunk-Count": "4000000000", "X-Total-Size": "1000000000000000" }),
    bad({}, payloadOf(999)),
    bad({ "X-Payload-Type": "chunked-ask", "X-Chunk-Ask": "1" }), // without a reply: ignored
    // Of the upload that is under way, which belongs to its sender's reply subject.
    { headers: { ...chunk!.headers, "X-Chunk-Index": "50" }, data: payloadOf(1_000, 9) },
    { headers: { ...chunk!.headers, "X-Total-Size": "99999" }, data: chunk!.data },
  ]);
  stranger.publish(subject, "hello");
  await stranger.flush();
  await until(() => running.rejected.length === 9);
  gate.resolve();
  await sending;
  assertEquals(running.taken.map(({ digest }) => digest), [await digestOf(data)]);
  assertEquals(reasons(running), [
    "malformed",
    "malformed",
    "malformed",
    "malformed",
    "malformed",
    "too-large",
    "length",
    "taken",
    "taken",
  ]);
});

test("receiveChunked() refuses what is above maxUploadBytes before the first byte", async () => {
  const nc = await open();
  const subject = newSubject();
  const running = await startHandler(nc, subject, { options: { maxUploadBytes: 1_000 } });
  await failure(publishChunked(nc, subject, payloadOf(1_001)), "rejected");
  await publishChunked(nc, subject, payloadOf(1_000));
  assertEquals([reasons(running), running.begun.length], [["too-large"], 1]);
});

test(
  "receiveChunked() fails by name where the user may not subscribe",
  { timeout: 30_000 },
  async () => {
    await using guarded = await startNatsServer({
      jetstream: false,
      config: `authorization { users: [
      { user: a, password: x, permissions: { subscribe: "allowed" } }
    ] }`,
    });
    const nc = await open({ servers: guarded.url, user: "a", password: "x" });
    const error = await assertRejects(() => startHandler(nc, "forbidden"), Error);
    assertEquals(error.name, "PermissionViolationError");
    const { receiver } = await startHandler(nc, "allowed");
    await receiver.stop();
  },
);

test(
  "receiveChunked() goes on with an upload that another call resumes",
  { timeout: 60_000 },
  async () => {
    const [nc, sender] = [await open(), await open()];
    const subject = newSubject();
    const running = await startHandler(nc, subject);
    const data = payloadOf(1_000_000);
    const stop = new AbortController();
    const error = await assertRejects(
      () =>
        publishChunked(sender, subject, data, {
          chunkSize: 20_000,
          window: 100_000,
          signal: stop.signal,
          onProgress: ({ confirmedBytes }) => confirmedBytes >= 500_000 && stop.abort(),
        }),
      ChunkedPublishError,
    );
    assert(error.resumeToken !== undefined);
    let chunks = 0;
    sender.subscribe(subject, {
      callback: (_error, { data }) => void (chunks += data.length > 0 ? 1 : 0),
    });
    const receipt = await publishChunked(sender, subject, data, { resume: error.resumeToken });
    assertEquals(receipt.confirmed, true);
    assertEquals([running.begun.length, running.rejected.map(({ reason }) => reason)], [
      1,
      running.rejected.map(() => "taken"), // until the first call was silent for ten seconds
    ]);
    assertEquals(running.taken.map(({ digest }) => digest), [await digestOf(data)]);
    assert(chunks <= 25, `${chunks} of 50 chunks were sent again`);
  },
);
