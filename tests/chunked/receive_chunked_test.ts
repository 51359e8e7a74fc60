import { test } from "node:test";
import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { publishChunked } from "../../src/chunked/publish_chunked.ts";
import { receiveChunked } from "../../src/chunked/receive_chunked.ts";
import type { RejectedEvent } from "../../src/chunked/rejected_event.ts";
import { ChunkedPublishError, ConnectionClosedError } from "../../src/errors.ts";
import { until } from "../_until.ts";
import { failure } from "./_failure.ts";
import { countingBytes } from "./_feed.ts";
import { useServer } from "./_server.ts";
import { digestStream, startHandler } from "./_streaming.ts";
import { cutByHand, digestOf, headersOf, payloadOf } from "./_support.ts";

const world = useServer();
const { open } = world;

let subjects = 0;
const newSubject = (): string => `streaming.${++subjects}`;

test("receiveChunked() streams 50 MB through a handler", { timeout: 30_000 }, async () => {
  const [nc, sender] = [await open(), await open()];
  const subject = newSubject();
  const { taken, rejected, receiver } = await startHandler(nc, subject);
  const data = countingBytes(50_000_000);
  const receipt = await publishChunked(sender, subject, data, { filename: "big.bin" });
  assertEquals(receipt.confirmed, true);
  const { uploadId, digest } = receipt;
  assertEquals(digest, await digestOf(data));
  assertEquals(taken, [{ uploadId, filename: "big.bin", bytes: data.length, digest: digest! }]);
  assertEquals(rejected, []);
  await receiver.stop();
  await receiver.closed;
});

test("receiveChunked() tells the handler what the sender said", async () => {
  const nc = await open();
  const subject = newSubject();
  const { begun } = await startHandler(nc, subject);
  await publishChunked(nc, subject, payloadOf(10_000), {
    chunkSize: 1_000,
    filename: "a/b.txt",
    contentType: "text/plain",
    headers: { "X-Color": "blue" },
  });
  const [context] = begun;
  assertEquals([context!.size, context!.subject, context!.deliveryCount], [10_000, subject, 1]);
  assertEquals([context!.filename, context!.contentType], ["a/b.txt", "text/plain"]);
  assertEquals([...context!.headers], [["X-Color", ["blue"]]]);
  assertEquals(context!.signal.aborted, false);
});

test("receiveChunked() takes an empty payload, and one of a single byte", async () => {
  const nc = await open();
  const subject = newSubject();
  const { taken } = await startHandler(nc, subject);
  for (const size of [0, 1]) await publishChunked(nc, subject, payloadOf(size));
  assertEquals(taken.map(({ bytes }) => bytes), [0, 1]);
});

test(
  "receiveChunked() answers complete only after the handler has resolved",
  { timeout: 30_000 },
  async () => {
    const nc = await open();
    const subject = newSubject();
    const gate = Promise.withResolvers<void>();
    const { taken } = await startHandler(nc, subject, { after: () => gate.promise });
    let isSent = false;
    const sending = publishChunked(nc, subject, payloadOf(50_000), {
      chunkSize: 1_000,
      timeout: 2_500, // shorter than the handler works: the repeated credit keeps it going
    }).then(() => void (isSent = true));
    await new Promise((resolve) => setTimeout(resolve, 3_200));
    assertEquals([isSent, taken.length], [false, 0]);
    gate.resolve();
    await sending;
    assertEquals(taken.length, 1);
  },
);

test("receiveChunked() takes interleaved uploads apart", async () => {
  const nc = await open();
  const subject = newSubject();
  const { taken, rejected } = await startHandler(nc, subject);
  const payloads = [payloadOf(300_000, 1), payloadOf(300_001, 2)];
  const options = { chunkSize: 10_000, window: 50_000 };
  await Promise.all(payloads.map((data) => publishChunked(nc, subject, data, options)));
  const digests = await Promise.all(payloads.map(digestOf));
  assertEquals(taken.map(({ digest }) => digest).sort(), digests.sort());
  assertEquals(rejected, []);
});

test("receiveChunked() serves eight senders at once", { timeout: 30_000 }, async () => {
  const nc = await open();
  const subject = newSubject();
  const { taken, rejected } = await startHandler(nc, subject, {
    onChunk: () => new Promise((resolve) => setTimeout(resolve, 2)),
  });
  let cuts = 0;
  const statuses = nc.status();
  void (async () => {
    for await (const { type } of statuses) if (type === "disconnect") cuts++;
  })();
  const data = countingBytes(12_000_000);
  const senders = await Promise.all(Array.from({ length: 8 }, () => open()));
  await Promise.all(senders.map((sender) => publishChunked(sender, subject, data)));
  const digest = await digestOf(data);
  assertEquals(taken.map((each) => each.digest), new Array(8).fill(digest));
  assertEquals([cuts, rejected], [0, []]);
});

test("receiveChunked() gives every plain receiver the upload, and success only when all are done", async () => {
  const subject = newSubject();
  const sender = await open();
  const gate = Promise.withResolvers<void>();
  const receivers = [
    await startHandler(await open(), subject),
    await startHandler(await open(), subject, { after: () => gate.promise }),
    await startHandler(await open(), subject, {
      onChunk: () => new Promise((resolve) => setTimeout(resolve, 1)),
    }),
  ];
  const data = payloadOf(1_000_000);
  let isSent = false;
  const sending = publishChunked(sender, subject, data, { chunkSize: 20_000 })
    .then(() => void (isSent = true));
  await until(() => receivers[0]!.taken.length === 1 && receivers[2]!.taken.length === 1);
  assertEquals([isSent, receivers[1]!.taken.length], [false, 0]);
  gate.resolve();
  await sending;
  const digest = await digestOf(data);
  for (const { taken } of receivers) {
    assertEquals(taken.map((each) => each.digest), [digest]);
  }
});

test("receiveChunked() in a queue group takes uploads of one chunk; longer ones fail by name", {
  timeout: 30_000,
}, async () => {
  const subject = newSubject();
  const sender = await open();
  const members = [
    await startHandler(await open(), subject, { queue: "workers" }),
    await startHandler(await open(), subject, { queue: "workers" }),
  ];
  await publishChunked(sender, subject, payloadOf(100));
  assertEquals(members.map(({ taken }) => taken.length).sort(), [0, 1]);
  await failure(
    publishChunked(sender, subject, payloadOf(100_000), { chunkSize: 1_000, timeout: 8_000 }),
    "queue-group",
  );
});

test("receiveChunked() answers a repeated id after completion, without a second handler", async () => {
  const nc = await open();
  const subject = newSubject();
  const { begun } = await startHandler(nc, subject);
  const uploadId = crypto.randomUUID();
  const data = payloadOf(5_000);
  const options = { chunkSize: 1_000, uploadId };
  await publishChunked(nc, subject, data, options);
  await failure(publishChunked(nc, subject, data, options), "taken");
  for (const { headers, data: part } of cutByHand(data, 1_000, { uploadId })) {
    nc.publish(subject, part, { headers: headersOf(headers) });
  }
  await nc.flush();
  await publishChunked(nc, subject, data);
  assertEquals(begun.length, 2);
});

test("receiveChunked() takes the messages of a subscription, until that ends", async () => {
  const nc = await open();
  const subject = newSubject();
  const subscription = nc.subscribe(subject);
  const digests: string[] = [];
  const receiver = await receiveChunked(subscription, async (stream) => {
    digests.push((await digestStream(stream)).digest);
  }, { connection: nc });
  const data = payloadOf(100_000);
  await publishChunked(nc, subject, data, { chunkSize: 1_000 });
  assertEquals(digests, [await digestOf(data)]);
  subscription.unsubscribe();
  await receiver.closed;
});

test("receiveChunked() ends a subscription that it was given when it is stopped", async () => {
  const nc = await open();
  const subscription = nc.subscribe(newSubject());
  const receiver = await receiveChunked(subscription, () => {});
  await receiver.stop();
  await receiver.closed;
  assertEquals(subscription.isClosed(), true);
});

test("ChunkedReceiver.stop() lets what has begun finish, and takes nothing new", {
  timeout: 30_000,
}, async () => {
  const nc = await open();
  const subject = newSubject();
  const running = await startHandler(nc, subject, {
    onChunk: () => new Promise((resolve) => setTimeout(resolve, 5)),
  });
  const sending = publishChunked(nc, subject, payloadOf(50_000), { chunkSize: 1_000 });
  await until(() => running.begun.length === 1);
  const stopped = running.receiver.stop();
  const late = publishChunked(nc, subject, payloadOf(10), { timeout: 1_000 });
  await assertRejects(() => late, ChunkedPublishError);
  await sending;
  await stopped;
  assertEquals([running.taken.length, running.begun.length, running.rejected], [1, 1, []]);
  await failure(publishChunked(nc, subject, payloadOf(10)), "absent");
});

test("ChunkedReceiver.stop() gives up what takes too long, and says so to the sender", async () => {
  const nc = await open();
  const subject = newSubject();
  const running = await startHandler(nc, subject, {
    after: (_stream, { signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
      }),
  });
  const sending = publishChunked(nc, subject, payloadOf(50_000), { chunkSize: 1_000 });
  const failed = failure(sending, "rejected");
  await until(() => running.begun.length === 1);
  await running.receiver.stop({ timeout: 50 });
  assert((await failed).message.endsWith("abandoned"));
  assertEquals(running.begun[0]!.signal.aborted, true);
  assertEquals(running.rejected.map(({ reason, scope }) => [reason, scope]), [
    ["abandoned", "upload"],
  ]);
  await running.receiver.stop();
  await running.receiver.closed;
});

test("receiveChunked() is stopped by its signal", { timeout: 30_000 }, async () => {
  const nc = await open();
  const subject = newSubject();
  const stop = new AbortController();
  const running = await startHandler(nc, subject, {
    after: () => new Promise(() => {}),
    options: { signal: stop.signal },
  });
  const failed = failure(publishChunked(nc, subject, payloadOf(10)), "rejected");
  await until(() => running.begun.length === 1);
  stop.abort();
  await failed;
  await running.receiver.closed;
  const aborted = AbortSignal.abort(new Error("early"));
  const error = await assertRejects(
    () => receiveChunked({ nc, subject }, () => {}, { signal: aborted }),
    Error,
    "early",
  );
  assertStrictEquals(error, aborted.reason);
});

test("receiveChunked() is stopped at the end of a block that uses it", async () => {
  const nc = await open();
  const subject = newSubject();
  {
    await using _receiver = await receiveChunked({ nc, subject }, () => {});
    await publishChunked(nc, subject, payloadOf(10));
  }
  await failure(publishChunked(nc, subject, payloadOf(10)), "absent");
});

test(
  "receiveChunked() ends with an error when the connection is closed",
  { timeout: 30_000 },
  async () => {
    const nc = await open();
    const subject = newSubject();
    const sender = await open();
    const { receiver, begun, rejected } = await startHandler(nc, subject, {
      after: () => new Promise(() => {}),
    });
    const sending = publishChunked(sender, subject, payloadOf(10), { timeout: 500 });
    sending.catch(() => {});
    await until(() => begun.length === 1);
    await nc.close();
    await assertRejects(() => receiver.closed, ConnectionClosedError);
    assertEquals(begun[0]!.signal.aborted, true);
    assertEquals(rejected.map(({ reason }) => reason), ["abandoned"]);
    await receiver.stop();
    await assertRejects(() => receiveChunked({ nc, subject }, () => {}), ConnectionClosedError);
  },
);

test("receiveChunked() ends with an error when its connection is closed, whatever it does then", {
  timeout: 30_000,
}, async () => {
  for (const end of ["close", "drain"] as const) {
    const [own, given] = [await open(), await open()];
    const receivers = [
      await receiveChunked({ nc: own, subject: newSubject() }, () => {}),
      await receiveChunked(given.subscribe(newSubject()), () => {}, { connection: given }),
    ];
    await Promise.all([own[end](), given[end]()]);
    await assertRejects(() => receivers[0]!.closed, ConnectionClosedError);
    if (end === "close") await assertRejects(() => receivers[1]!.closed, ConnectionClosedError);
    else await receivers[1]!.closed.catch(() => {});
  }
});

test("receiveChunked() goes on when onRejected throws", async () => {
  const nc = await open();
  const subject = newSubject();
  const seen: RejectedEvent[] = [];
  await receiveChunked({ nc, subject }, () => {}, {
    maxUploadBytes: 100,
    onRejected: (event) => {
      seen.push(event);
      throw new Error("a bad report");
    },
  });
  await failure(publishChunked(nc, subject, payloadOf(101)), "rejected");
  await publishChunked(nc, subject, payloadOf(100));
  assertEquals(seen.map(({ reason }) => reason), ["too-large"]);
});
