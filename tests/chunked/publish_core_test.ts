import { test } from "node:test";
import { jetstreamManager } from "@nats-io/jetstream";
import type { Msg } from "@nats-io/nats-core";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  type ChunkedProgress,
  type ChunkedReceipt,
  publishChunked,
} from "../../src/chunked/mod.ts";
import { until } from "../_until.ts";
import { busy, failure } from "./_failure.ts";
import { startReceiver } from "./_receiver.ts";
import { useServer } from "./_server.ts";
import { digestOf, payloadOf } from "./_support.ts";

const { open, openOfficial } = useServer();

let subjects = 0;
const newSubject = (): string => `core.${++subjects}`;

test("publishChunked() carries every size over core NATS, on a default server without settings", async () => {
  const [sender, nc] = [await open(), await open()];
  const subject = newSubject();
  const receiver = await startReceiver(nc, subject);
  const sizes = [0, 1, 999, 1_000, 1_001, 4_999, 5_000, 5_001];
  for (const size of sizes) {
    const data = payloadOf(size);
    const receipt = await publishChunked(sender, subject, data, { chunkSize: 1_000 });
    const { durationMs, ...rest } = receipt;
    assert(durationMs > 0);
    assertEquals<Omit<ChunkedReceipt, "durationMs">>(rest, {
      uploadId: receiver.payloads.at(-1)!.uploadId,
      chunkCount: Math.max(1, Math.ceil(size / 1_000)),
      totalSize: size,
      digest: await digestOf(data),
      confirmed: true,
      warnings: [],
    });
    assertEquals(receiver.payloads.at(-1)!.data, data);
    assertEquals(receiver.payloads.at(-1)!.digest, receipt.digest);
  }
  assertEquals(receiver.payloads.map(({ size }) => size), sizes);
  assertEquals(receiver.rejected, []);
});

test("publishChunked() fits its chunks to max_payload by itself", async () => {
  const [sender, nc] = [await open(), await open()];
  const subject = newSubject();
  const receiver = await startReceiver(nc, subject);
  const seen: Msg[] = [];
  nc.subscribe(subject, { callback: (_error, message) => void seen.push(message) });
  await nc.flush();
  const data = payloadOf(5_000_000);
  const { chunkCount } = await publishChunked(sender, subject, data, { filename: "ü".repeat(500) });
  assertEquals(chunkCount, 5);
  assertEquals(receiver.payloads[0]!.data, data);
  const largest = Math.max(...seen.map((message) => message.data.length));
  assert(largest > 1_040_000 && largest < 1_048_576, `${largest}`);
});

test("publishChunked() carries a File with its name, its type and own headers", async () => {
  const [sender, nc] = [await open(), await open()];
  const subject = newSubject();
  const receiver = await startReceiver(nc, subject);
  const data = payloadOf(3_000_001);
  const file = new File([data.slice()], "søren 🎈.bin", { type: "application/x-test" });
  await publishChunked(sender, subject, file, { headers: { "X-Own": "ünï" } });
  const [payload] = receiver.payloads;
  assertEquals(payload!.data, data);
  assertEquals(
    [payload!.filename, payload!.contentType, payload!.size],
    ["søren 🎈.bin", "application/x-test", 3_000_001],
  );
  assertEquals([...payload!.headers], [["X-Own", ["ünï"]]]);
});

test("publishChunked() sends without a digest when none is wanted", async () => {
  const [sender, nc] = [await open(), await open()];
  const subject = newSubject();
  const receiver = await startReceiver(nc, subject);
  const headers: string[] = [];
  nc.subscribe(subject, {
    callback: (_error, { headers: h }) => void headers.push(h!.get("X-Payload-Digest")),
  });
  await nc.flush();
  const data = payloadOf(10);
  const receipt = await publishChunked(sender, subject, data, { digest: false });
  assertEquals("digest" in receipt, false);
  assertEquals(receiver.payloads[0]!.digest, await digestOf(data));
  assertEquals(headers, ["", ""]); // the ask and the chunk
});

test("publishChunked() works over connections that the bare official transport made", async () => {
  const [sender, nc] = [await openOfficial(), await openOfficial()];
  const subject = newSubject();
  const receiver = await startReceiver(nc, subject);
  const data = payloadOf(2_500_000);
  const { confirmed } = await publishChunked(sender, subject, data);
  assertEquals([confirmed, receiver.payloads[0]!.data], [true, data]);
});

test("publishChunked() uses the connection's own inbox prefix for its replies", async () => {
  const [sender, nc] = [await open({ inboxPrefix: "_MINE" }), await open()];
  const subject = newSubject();
  const replies = new Set<string>();
  nc.subscribe(subject, { callback: (_error, message) => void replies.add(message.reply!) });
  await startReceiver(nc, subject);
  await publishChunked(sender, subject, payloadOf(3_000), { chunkSize: 1_000 });
  assertEquals([...replies].map((reply) => reply.split(".")[0]), ["_MINE"]);
});

test("publishChunked() fails within a second when nobody is subscribed", async () => {
  const sender = await open();
  const startedAt = performance.now();
  const error = await failure(publishChunked(sender, newSubject(), payloadOf(10)), "absent");
  assert(performance.now() - startedAt < 1_000);
  assertEquals(error.message, "nobody is subscribed to the subject");
});

test('publishChunked() names delivery: "unconfirmed" when who listens grants no credit', async () => {
  const [sender, nc] = [await open(), await open()];
  const subject = newSubject();
  nc.subscribe(subject, { callback: () => {} });
  await nc.flush();
  const publishing = publishChunked(sender, subject, payloadOf(10), { timeout: 300 });
  const { message } = await failure(publishing, "mute");
  assertStringIncludes(message, "no receiver granted credit within 300 ms");
  assertStringIncludes(message, 'delivery: "unconfirmed"');
});

test("publishChunked() names JetStream when a stream answers in place of a receiver", async () => {
  const sender = await open();
  const jsm = await jetstreamManager(sender);
  const subject = newSubject();
  await jsm.streams.add({ name: "CAPTURES", subjects: [subject] });
  const publishing = publishChunked(sender, subject, payloadOf(10), { timeout: 300 });
  const { message } = await failure(publishing, "mute");
  assertStringIncludes(message, '"CAPTURES" captures the subject');
  assertStringIncludes(message, "JetStream client");
});

test("publishChunked() is confirmed when all of several plain receivers have the payload", async () => {
  const sender = await open();
  const subject = newSubject();
  const receivers = await Promise.all(
    [0, 5, 15].map(async (ms) => startReceiver(await open(), subject, { through: busy(ms) })),
  );
  const data = payloadOf(3_000_000);
  const { confirmed } = await publishChunked(sender, subject, data, { chunkSize: 100_000 });
  assertEquals(confirmed, true);
  for (const { payloads } of receivers) assertEquals(payloads.map((each) => each.data), [data]);
});

test("publishChunked() names the queue group that spreads its chunks", async () => {
  const [sender, one, two] = [await open(), await open(), await open()];
  const subject = newSubject();
  for (const nc of [one, two]) await startReceiver(nc, subject, { queue: "workers" });
  const publishing = publishChunked(sender, subject, payloadOf(60_000), {
    chunkSize: 1_000,
    timeout: 4_000,
  });
  const { message } = await failure(publishing, "queue-group");
  assertStringIncludes(message, "queue group");
});

test("publishChunked() refuses the second of two senders with one id at once", async () => {
  const [one, two, nc] = [await open(), await open(), await open()];
  const subject = newSubject();
  const receiver = await startReceiver(nc, subject);
  const uploadId = crypto.randomUUID();
  const data = [payloadOf(2_000_000, 1), payloadOf(2_000_000, 2)];
  const results = await Promise.allSettled(
    [one, two].map((sender, index) =>
      publishChunked(sender, subject, data[index]!, { uploadId, chunkSize: 50_000 })
    ),
  );
  const winner = results.findIndex(({ status }) => status === "fulfilled");
  const loser = results[1 - winner]!;
  assert(loser.status === "rejected", "both were told that they succeeded");
  const { message } = await failure(Promise.reject(loser.reason), "taken");
  assertStringIncludes(message, "its id is taken");
  assertEquals(receiver.payloads.map((payload) => payload.data), [data[winner]!]);
});

test("publishChunked() says that an id is taken when an upload with it was completed before", async () => {
  const [sender, nc] = [await open(), await open()];
  const subject = newSubject();
  const receiver = await startReceiver(nc, subject);
  const uploadId = crypto.randomUUID();
  await publishChunked(sender, subject, payloadOf(5_000, 1), { uploadId });
  const again = publishChunked(sender, subject, payloadOf(5_000, 2), { uploadId });
  const { message } = await failure(again, "taken");
  assertStringIncludes(message, "already completed an upload with it");
  assertEquals(receiver.payloads.length, 1);
});

test("publishChunked() hears at once that the receiver left its loop without ack()", async () => {
  const [sender, nc] = [await open(), await open()];
  const subject = newSubject();
  const receiver = await startReceiver(nc, subject, { body: () => "leave" });
  const startedAt = performance.now();
  const publishing = publishChunked(sender, subject, payloadOf(10_000), { chunkSize: 1_000 });
  const { message } = await failure(publishing, "rejected");
  assert(performance.now() - startedAt < 1_500);
  assertStringIncludes(message, "abandoned");
  assertEquals(receiver.rejected.map(({ reason }) => reason), ["abandoned"]);
});

test("publishChunked() hears that the receiver rejected the payload with nak()", async () => {
  const [sender, nc] = [await open(), await open()];
  const subject = newSubject();
  const receiver = await startReceiver(nc, subject, { body: (payload) => payload.nak() });
  const publishing = publishChunked(sender, subject, payloadOf(10_000), { chunkSize: 1_000 });
  const { message } = await failure(publishing, "rejected");
  assertStringIncludes(message, "rejected the payload");
  assertEquals(receiver.rejected.map(({ reason }) => reason), ["rejected"]);
});

test("publishChunked() hears that the upload is too large for the receiver, before its bytes go out", async () => {
  const [sender, nc] = [await open(), await open()];
  const subject = newSubject();
  let bytes = 0;
  nc.subscribe(subject, { callback: (_error, message) => void (bytes += message.data.length) });
  await startReceiver(nc, subject, { options: { maxUploadBytes: 1_000 } });
  const { message } = await failure(publishChunked(sender, subject, payloadOf(1_001)), "rejected");
  assertStringIncludes(message, "the upload has 1001 bytes, maxUploadBytes is 1000");
  assertEquals(bytes, 0);
});

test("publishChunked() waits while a receiver is full, and completes when it has room", async () => {
  const nc = await open();
  const subject = newSubject();
  const gate = Promise.withResolvers<void>();
  const receiver = await startReceiver(nc, subject, {
    options: { maxUploads: 1, connection: nc },
    body: () => gate.promise,
  });
  const sources = Array.from({ length: 12 }, (_, index) => payloadOf(300_000, index));
  const senders = await Promise.all(sources.map(() => open()));
  let finished = 0;
  const uploads = senders.map(async (sender, index) => {
    await publishChunked(sender, subject, sources[index]!, { chunkSize: 50_000 });
    finished++;
  });
  const all = Promise.all(uploads);
  await until(() => receiver.payloads.length === 1);
  await senders[0]!.flush();
  assertEquals(finished, 0); // the first is whole and not acknowledged, the others wait with window 0
  gate.resolve();
  await all;
  const got = receiver.payloads.map((payload) => payload.data[0]!).sort();
  assertEquals(got, sources.map((data) => data[0]!).sort());
  assertEquals(receiver.rejected, []);
});

test("publishChunked() reports progress that only grows, and ends at the total", async () => {
  const [sender, nc] = [await open(), await open()];
  const subject = newSubject();
  await startReceiver(nc, subject);
  const reports: ChunkedProgress[] = [];
  const data = payloadOf(950_000);
  const { uploadId } = await publishChunked(sender, subject, data, {
    chunkSize: 100_000,
    window: 300_000,
    onProgress: (report) => reports.push(report),
  });
  assertEquals(reports.length, 20);
  reports.reduce((before, report) => {
    assert(report.sentBytes >= before.sentBytes && report.confirmedBytes >= before.confirmedBytes);
    assert(report.confirmedBytes <= report.sentBytes && report.sentBytes <= data.length);
    return report;
  });
  const { resumeToken, ...last } = reports.at(-1)!;
  assertEquals(resumeToken?.confirmedChunks, 10);
  assertEquals(last, {
    uploadId,
    sentBytes: data.length,
    confirmedBytes: data.length,
    totalBytes: data.length,
    chunkIndex: 9,
    chunkCount: 10,
  });
});

test("publishChunked() is confirmed by its receiver where a stream captures the subject, too", async () => {
  const [sender, nc] = [await open(), await open()];
  const jsm = await jetstreamManager(sender);
  const subject = newSubject();
  await jsm.streams.add({ name: "LISTENS", subjects: [subject] });
  const receiver = await startReceiver(nc, subject);
  const data = payloadOf(9_500);
  const { confirmed } = await publishChunked(sender, subject, data, { chunkSize: 1_000 });
  assertEquals([confirmed, receiver.payloads[0]!.data], [true, data]);
});
