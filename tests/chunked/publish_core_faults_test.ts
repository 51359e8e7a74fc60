import { test } from "node:test";
import type { Msg, NatsConnection } from "@nats-io/nats-core";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import { type ChunkedProgress, publishChunked } from "../../src/chunked/mod.ts";
import { ChunkedPublishError, ConnectionClosedError } from "../../src/errors.ts";
import { startNatsServer } from "../../src/testing/mod.ts";
import { busy, failure } from "./_failure.ts";
import { type RunningReceiver, startReceiver } from "./_receiver.ts";
import { useServer } from "./_server.ts";
import { digestOf, payloadOf } from "./_support.ts";

const world = useServer();
const { open } = world;

let subjects = 0;
const newSubject = (): string => `core.${++subjects}`;

test("publishChunked() starts again from byte 0 when the receiver was started anew", async () => {
  const sender = await open();
  const subject = newSubject();
  const first = await open();
  await startReceiver(first, subject, { through: busy(2) });
  const data = payloadOf(4_000_000);
  let second: RunningReceiver | undefined;
  let crash: Promise<void> | undefined;
  const progress: ChunkedProgress[] = [];
  const receipt = await publishChunked(sender, subject, data, {
    chunkSize: 20_000,
    window: 200_000,
    onProgress: (report) => {
      progress.push(report);
      if (report.confirmedBytes < 1_000_000) return;
      crash ??= first.close().then(async () => {
        second = await startReceiver(await open(), subject);
      });
    },
  });
  await crash;
  assertEquals(receipt.confirmed, true);
  assertEquals(second!.payloads.map((payload) => payload.data), [data]);
  assertEquals(progress.at(-1)!.confirmedBytes, data.length);
});

test("publishChunked() loses nothing from eight senders at a receiver that takes 20 ms a chunk", async () => {
  const nc = await open();
  const subject = newSubject();
  const receiver = await startReceiver(nc, subject, {
    through: busy(20),
    options: { connection: nc },
  });
  let cuts = 0;
  const statuses = nc.status();
  void (async () => {
    for await (const { type } of statuses) if (type === "disconnect") cuts++;
  })();
  const data = payloadOf(12_000_000);
  const senders = await Promise.all(Array.from({ length: 8 }, () => open()));
  const receipts = await Promise.all(
    senders.map((sender) => publishChunked(sender, subject, data, { chunkSize: 1_000_000 })),
  );
  assertEquals(receipts.map(({ confirmed }) => confirmed), new Array(8).fill(true));
  const digest = await digestOf(data);
  assertEquals(receiver.payloads.map((payload) => payload.digest), new Array(8).fill(digest));
  assertEquals([cuts, receiver.rejected], [0, []]);
});

test("publishChunked() completes across a kill and restart of the server", async () => {
  const [sender, nc] = [await open(), await open()];
  const subject = newSubject();
  const receiver = await startReceiver(nc, subject);
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
  assertEquals(receiver.payloads.map((payload) => payload.data), [data]);
  assertEquals(receiver.rejected, []);
});

test("publishChunked() rejects with the signal's reason as cause, at the start and midway", async () => {
  const [sender, nc] = [await open(), await open()];
  const subject = newSubject();
  const receiver = await startReceiver(nc, subject);
  let messages = 0;
  nc.subscribe(subject, { callback: () => void messages++ });
  const reason = new Error("enough");
  const atStart = publishChunked(sender, subject, payloadOf(10), {
    signal: AbortSignal.abort(reason),
  });
  const early = await assertRejects(() => atStart, ChunkedPublishError);
  assertStrictEquals(early.cause, reason);
  await sender.flush();
  await nc.flush();
  assertEquals(messages, 0);

  const controller = new AbortController();
  const midway = publishChunked(sender, subject, payloadOf(1_000_000), {
    chunkSize: 10_000,
    window: 50_000,
    signal: controller.signal,
    onProgress: ({ confirmedBytes }) => confirmedBytes >= 300_000 && controller.abort(reason),
  });
  const error = await assertRejects(() => midway, ChunkedPublishError);
  assertStrictEquals(error.cause, reason);
  assert(error.confirmedChunks >= 30 && error.confirmedChunks < 100);
  assertEquals([error.chunkCount, receiver.payloads.length], [100, 0]);
});

test("publishChunked() fails with what onProgress throws", async () => {
  const [sender, nc] = [await open(), await open()];
  const subject = newSubject();
  await startReceiver(nc, subject);
  const thrown = new Error("broken progress bar");
  const publishing = publishChunked(sender, subject, payloadOf(10), {
    onProgress: () => {
      throw thrown;
    },
  });
  assertStrictEquals((await assertRejects(() => publishing, ChunkedPublishError)).cause, thrown);
});

test("publishChunked() fails at once when its connection is closed midway", async () => {
  const [sender, nc] = [await open(), await open()];
  const subject = newSubject();
  await startReceiver(nc, subject);
  const publishing = publishChunked(sender, subject, payloadOf(1_000_000), {
    chunkSize: 10_000,
    window: 50_000,
    onProgress: ({ confirmedBytes }) => void (confirmedBytes >= 300_000 && sender.close()),
  });
  const error = await assertRejects(() => publishing, ChunkedPublishError);
  assertInstanceOf(error.cause, ConnectionClosedError);
});

test("publishChunked() names the receiver that fell silent", async () => {
  const [sender, nc] = [await open(), await open()];
  const subject = newSubject();
  let mute = false;
  await startReceiver(nc, subject, {
    through: async function* (messages) {
      for await (const message of messages) if (!mute) yield message;
    },
  });
  const publishing = publishChunked(sender, subject, payloadOf(1_000_000), {
    chunkSize: 10_000,
    window: 50_000,
    timeout: 1_000,
    onProgress: ({ confirmedBytes }) => void (mute ||= confirmedBytes >= 300_000),
  });
  const { message } = await failure(publishing, "silent");
  assertStringIncludes(message, "answered no ask for 1000 ms");
});

test("publishChunked() is not disturbed by what strangers send to its reply subject", async () => {
  const [sender, nc] = [await open(), await open()];
  const subject = newSubject();
  let replied = 0;
  nc.subscribe(subject, {
    callback: (_error, message) => {
      message.respond("not JSON");
      message.respond(new Uint8Array(3));
      message.respond('{"stream":5}');
      rawPublish(nc, message.reply!, "NATS/1.0\r\nnot a name: 1\r\n\r\n");
      replied++;
    },
  });
  const receiver = await startReceiver(nc, subject);
  const data = payloadOf(50_000);
  await publishChunked(sender, subject, data, { chunkSize: 10_000 });
  assertEquals([receiver.payloads[0]!.data, replied >= 6], [data, true]);
});

test("publishChunked() fails at once, by name, without permission to publish or to hear replies", async () => {
  await using guarded = await startNatsServer({
    jetstream: false,
    config: `authorization { users: [
      { user: nopub, password: x, permissions: { publish: "allowed", subscribe: ">" } },
      { user: nosub, password: x, permissions: { publish: ">", subscribe: "allowed" } },
      { user: all, password: x }
    ] }`,
  });
  const nc = await open({ servers: guarded.url, user: "all", password: "x" });
  await startReceiver(nc, "uploads");
  const cases = [
    ["nopub", "confirmed", "publish", "uploads"],
    ["nopub", "unconfirmed", "publish", "uploads"],
    ["nosub", "confirmed", "subscription", "_INBOX."],
  ] as const;
  for (const [user, delivery, operation, subject] of cases) {
    const sender = await open({ servers: guarded.url, user, password: "x" });
    const startedAt = performance.now();
    const publishing = publishChunked(sender, "uploads", payloadOf(10), { delivery });
    const { cause } = await assertRejects(() => publishing, ChunkedPublishError);
    assertInstanceOf(cause, Error);
    assertEquals(cause.name, "PermissionViolationError");
    const violation = cause as Error & { operation: string; subject: string };
    assertEquals(violation.operation, operation);
    assertStringIncludes(violation.subject, subject);
    assert(performance.now() - startedAt < 1_000);
  }
});

test('publishChunked() with delivery "unconfirmed" fails when the connection is lost', async () => {
  const sender = await open();
  const file = new Blob([payloadOf(4_000_000).slice()]);
  let killed: Promise<void> | undefined;
  const publishing = publishChunked(sender, newSubject(), file, {
    delivery: "unconfirmed",
    chunkSize: 10_000,
    window: 10_000,
    onProgress: ({ sentBytes }) => {
      if (sentBytes >= 1_000_000) killed ??= world.server.kill().then(() => world.server.restart());
    },
  });
  const error = await assertRejects(() => publishing, ChunkedPublishError);
  await killed;
  assertStringIncludes(error.message, "connection");
  assertEquals(error.confirmedChunks, 0);
});

test('publishChunked() with delivery "unconfirmed" does not succeed while disconnected', async () => {
  const sender = await open();
  await world.server.kill();
  const publishing = publishChunked(sender, newSubject(), payloadOf(10), {
    delivery: "unconfirmed",
    timeout: 5_000,
  });
  publishing.catch(() => {});
  await world.server.restart();
  const nc = await open();
  const seen: Msg[] = [];
  nc.subscribe(">", { callback: (_error, message) => void seen.push(message) });
  await assertRejects(() => publishing, ChunkedPublishError);
});

test("publishChunked() that begins while disconnected completes when the connection is back", async () => {
  const [sender, nc] = [await open(), await open()];
  const subject = newSubject();
  const receiver = await startReceiver(nc, subject);
  const data = payloadOf(50_000);
  await world.server.kill();
  const publishing = publishChunked(sender, subject, data, { chunkSize: 10_000 });
  await world.server.restart();
  assertEquals((await publishing).confirmed, true);
  assertEquals(receiver.payloads.map((payload) => payload.data), [data]);
});

/** Publishes headers as they are, which the client would not do. */
function rawPublish(nc: NatsConnection, subject: string, headers: string): void {
  const { protocol } = nc as unknown as {
    protocol: { sendCommand(command: string, ...payloads: Uint8Array[]): void };
  };
  const bytes = new TextEncoder().encode(headers);
  protocol.sendCommand(
    `HPUB ${subject} ${bytes.length} ${bytes.length}\r\n`,
    bytes,
    new TextEncoder().encode("\r\n"),
  );
}
