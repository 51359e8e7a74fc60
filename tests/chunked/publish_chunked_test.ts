import { after, afterEach, before, test } from "node:test";
import { jetstream, type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import type { Msg, NatsConnection } from "@nats-io/nats-core";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import {
  assembleChunks,
  type ChunkedPayload,
  type ChunkedProgress,
  publishChunked,
  type PublishChunkedOptions,
} from "../../src/chunked/mod.ts";
import { connect } from "../../src/connect/connect.ts";
import {
  ChunkedPublishError,
  ConnectionClosedError,
  NoStreamError,
  UploadIdTakenError,
} from "../../src/errors.ts";
import { type NatsServer, startNatsServer } from "../../src/testing/mod.ts";
import { digestOf, payloadOf } from "./_support.ts";

let server: NatsServer;
let nc: NatsConnection;
let jsm: JetStreamManager;
const opened: NatsConnection[] = [];
before(async () => {
  server = await startNatsServer();
  nc = await connect({ servers: server.url, reconnectWait: 20, reconnectJitter: 0 });
  jsm = await jetstreamManager(nc);
  await jsm.streams.add({ name: "ALL", subjects: ["all.>"] });
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((each) => each.close()));
});
after(async () => {
  await nc?.close();
  await server?.stop();
});

async function open(): Promise<NatsConnection> {
  const other = await connect({ servers: server.url, reconnectWait: 20, reconnectJitter: 0 });
  opened.push(other);
  return other;
}

/** Reads the next payload of a stream through a consumer of its own. */
async function readOne(stream: string, filter: string): Promise<ChunkedPayload> {
  const { name } = await jsm.consumers.add(stream, {
    ack_policy: "explicit",
    filter_subject: filter,
  });
  const consumer = await jetstream(nc).consumers.get(stream, name);
  for await (const payload of assembleChunks(await consumer.consume({ max_bytes: 16_777_216 }))) {
    await payload.ack();
    return payload;
  }
  throw new Error("the messages ended");
}

test("publishChunked() stores every size in a stream, chunk by chunk", async () => {
  for (const size of [0, 1, 999, 1_000, 1_001, 4_999, 5_000, 5_001]) {
    const data = payloadOf(size);
    const subject = `all.size.${size}`;
    const { durationMs, ...receipt } = await publishChunked(jetstream(nc), subject, data, {
      chunkSize: 1_000,
    });
    assert(durationMs > 0);
    const payload = await readOne("ALL", subject);
    assertEquals(payload.data, data);
    assertEquals(receipt, {
      uploadId: payload.uploadId,
      chunkCount: Math.max(1, Math.ceil(size / 1_000)),
      totalSize: size,
      digest: await digestOf(data),
      confirmed: true,
      warnings: [],
    });
    const { state } = await jsm.streams.info("ALL", { subjects_filter: subject });
    assertEquals(state.subjects, { [subject]: receipt.chunkCount });
  }
});

test("publishChunked() carries a File through a stream, in chunks that fit max_payload", async () => {
  const data = payloadOf(3_500_000);
  const file = new File([data.slice()], "ä b.bin", { type: "application/x-test" });
  const receipt = await publishChunked(jetstream(nc), "all.file", file, {
    headers: { "X-Own": "1" },
  });
  assertEquals(receipt.chunkCount, 4);
  const payload = await readOne("ALL", "all.file");
  assertEquals(payload.data, data);
  const { filename, contentType, headers } = payload;
  assertEquals([filename, contentType], ["ä b.bin", "application/x-test"]);
  assertEquals([...headers], [["X-Own", ["1"]]]);
});

test("publishChunked() fits its chunks to max_msg_size, headers counted", async () => {
  await jsm.streams.add({ name: "SMALL", subjects: ["small"], max_msg_size: 5_000 });
  const data = payloadOf(50_000);
  const { chunkCount } = await publishChunked(jetstream(nc), "small", data, {
    filename: "x".repeat(1_000),
  });
  assert(chunkCount > 10 && chunkCount < 20, `${chunkCount}`);
  assertEquals((await readOne("SMALL", "small")).data, data);
});

test("publishChunked() reports progress that only grows, and ends at the total", async () => {
  const reports: ChunkedProgress[] = [];
  const { uploadId } = await publishChunked(jetstream(nc), "all.progress", payloadOf(9_500), {
    chunkSize: 1_000,
    onProgress: (report) => reports.push(report),
  });
  assertEquals(reports.length, 20);
  reports.reduce((before, report) => {
    assert(report.sentBytes >= before.sentBytes && report.confirmedBytes >= before.confirmedBytes);
    assertEquals([report.uploadId, report.totalBytes, report.chunkCount], [uploadId, 9_500, 10]);
    return report;
  });
  const { sentBytes, confirmedBytes } = reports.at(-1)!;
  assertEquals([sentBytes, confirmedBytes], [9_500, 9_500]);
});

test("publishChunked() completes across a kill and restart of the server", async () => {
  const sender = await open();
  const data = payloadOf(6_000_000);
  let restarted: Promise<void> | undefined;
  const receipt = await publishChunked(jetstream(sender), "all.killed", data, {
    chunkSize: 20_000,
    window: 200_000,
    onProgress: ({ confirmedBytes }) => {
      if (confirmedBytes < 2_000_000) return;
      restarted ??= server.kill().then(() => server.restart());
    },
  });
  await restarted;
  assertEquals([receipt.confirmed, receipt.chunkCount], [true, 300]);
  await nc.flush().catch(() => nc.flush());
  assertEquals((await readOne("ALL", "all.killed")).data, data);
});

test("publishChunked() refuses an id that the stream knows", async () => {
  const uploadId = crypto.randomUUID();
  await publishChunked(jetstream(nc), "all.taken", payloadOf(10), { uploadId });
  const again = publishChunked(jetstream(nc), "all.taken", payloadOf(10, 2), { uploadId });
  const { cause } = await assertRejects(() => again, ChunkedPublishError);
  assert(cause instanceof UploadIdTakenError);
  assertEquals([cause.uploadId, cause.stream, cause.chunkIndex], [uploadId, "ALL", 0]);
});

test("publishChunked() rejects with the signal's reason as cause, at the start and midway", async () => {
  const reason = new Error("enough");
  const early = await assertRejects(
    () =>
      publishChunked(jetstream(nc), "all.early", payloadOf(10), {
        signal: AbortSignal.abort(reason),
      }),
    ChunkedPublishError,
  );
  assertStrictEquals(early.cause, reason);
  const { state } = await jsm.streams.info("ALL", { subjects_filter: "all.early" });
  assertEquals(state.subjects ?? {}, {});

  const controller = new AbortController();
  const midway = publishChunked(jetstream(nc), "all.midway", payloadOf(100_000), {
    chunkSize: 1_000,
    window: 5_000,
    signal: controller.signal,
    onProgress: ({ confirmedBytes }) => confirmedBytes >= 30_000 && controller.abort(reason),
  });
  const error = await assertRejects(() => midway, ChunkedPublishError);
  assertStrictEquals(error.cause, reason);
  assert(error.confirmedChunks >= 30 && error.confirmedChunks < 100);
  assertEquals(error.chunkCount, 100);
});

test("publishChunked() fails when its connection is closed midway", async () => {
  const sender = await open();
  const publishing = publishChunked(jetstream(sender), "all.closed", payloadOf(100_000), {
    chunkSize: 1_000,
    window: 5_000,
    timeout: 10_000,
    onProgress: ({ confirmedBytes }) => void (confirmedBytes >= 30_000 && sender.close()),
  });
  const startedAt = performance.now();
  const error = await assertRejects(() => publishing, ChunkedPublishError);
  assert(performance.now() - startedAt < 2_000);
  assertStringIncludes(String((error.cause as Error).name), "Closed");
});

/** Arguments that are refused before anything is sent, with the class and the start of the message. */
interface Refused {
  title: string;
  kind: typeof TypeError | typeof RangeError;
  message: string;
  target?: unknown;
  subject?: string;
  source?: unknown;
  options?: unknown;
}

const REFUSED: Refused[] = [
  {
    title: "an empty subject",
    kind: RangeError,
    message: 'subject is "", wanted is a subject that is not empty',
    subject: "",
  },
  ...["all.*", "all.>"].map((subject) => ({
    title: `the wildcard subject ${subject}`,
    kind: RangeError,
    message: `subject is "${subject}", wanted is a subject without wildcards`,
    subject,
  })),
  ...[0, -1, 1.5].map((chunkSize) => ({
    title: `chunk size ${chunkSize}`,
    kind: RangeError,
    message: `chunkSize is ${chunkSize}, wanted is a whole number from 1`,
    options: { chunkSize },
  })),
  {
    title: "a chunk size above 8,000,000",
    kind: RangeError,
    message: "chunkSize is 8000001, wanted are at most 8000000 bytes",
    options: { chunkSize: 8_000_001 },
  },
  {
    title: "a chunk size above max_payload",
    kind: RangeError,
    message: "chunkSize is 1048576, at most 10",
    options: { chunkSize: 1_048_576 },
  },
  {
    title: "a filename with control characters",
    kind: RangeError,
    message: "filename has a control character, wanted is",
    options: { filename: "a\u0007b" },
  },
  {
    title: "a File whose name has control characters",
    kind: RangeError,
    message: "filename has a control character, wanted is",
    source: new File([], "a\nb"),
  },
  {
    title: "an upload id that is no UUID",
    kind: RangeError,
    message: 'uploadId is "mine", wanted is a UUID in any spelling',
    options: { uploadId: "mine" },
  },
  {
    title: "an unknown option",
    kind: TypeError,
    message: 'options has the unknown field "chunksize", known are: ',
    options: { chunksize: 1_000 },
  },
  {
    title: "an own header that the protocol uses",
    kind: RangeError,
    message: 'headers has the name "X-Chunk-Index", which the protocol or the server uses',
    options: { headers: { "X-Chunk-Index": "1" } },
  },
  {
    title: "headers that leave no room",
    kind: RangeError,
    message: "the headers have 1",
    options: { headers: { "X-Own": "x".repeat(1_048_576) } },
  },
  {
    title: "a source that gives no bytes",
    kind: TypeError,
    message:
      "source is a string, wanted is a Uint8Array, a Blob, a SeekableSource, a ReadableStream",
    source: "text",
  },
  {
    title: "a stream without a size",
    kind: TypeError,
    message: "size is undefined, and source is a ReadableStream: wanted is the number of its bytes",
    source: new ReadableStream(),
  },
  {
    title: "a size that is not that of the source",
    kind: RangeError,
    message: "size is 11, source has 10 bytes: wanted is the same, or none",
    options: { size: 11 },
  },
  {
    title: "a size that is none",
    kind: RangeError,
    message: "size is -1, wanted is a whole number of bytes from 0",
    source: new ReadableStream(),
    options: { size: -1 },
  },
  {
    title: "a target that is neither connection nor JetStream client",
    kind: TypeError,
    message: "target is an Object, wanted is a connection or a JetStream client",
    target: {},
  },
];

for (const { title, kind, message, target, subject = "all.x", source, options } of REFUSED) {
  test(`publishChunked() sends nothing and names the field when it is given ${title}`, async () => {
    const witness = await open();
    const seen: string[] = [];
    witness.subscribe(">", { callback: (_error, { subject }) => void seen.push(subject) });
    await witness.flush();
    const { state: before } = await jsm.streams.info("ALL");
    const isApi = (name: string) => name.startsWith("$JS.") || name.startsWith("_INBOX.");
    for (const given of target === undefined ? [nc, jetstream(nc)] : [target]) {
      const error = await assertRejects(() =>
        publishChunked(
          given as NatsConnection,
          subject,
          (source ?? payloadOf(10)) as Uint8Array,
          options as PublishChunkedOptions,
        ), kind);
      assertEquals(error.message.slice(0, message.length), message);
    }
    await nc.flush();
    await witness.flush();
    assertEquals(seen.filter((name) => !isApi(name)), []);
    assertEquals((await jsm.streams.info("ALL")).state.last_seq, before.last_seq);
  });
}

test("publishChunked() names max_payload and max_msg_size when an explicit chunk size passes them", async () => {
  const payload = await assertRejects(
    () => publishChunked(nc, "all.x", payloadOf(1), { chunkSize: 1_048_500 }),
    RangeError,
  );
  assertStringIncludes(payload.message, "the server's max_payload is 1048576");
  await jsm.streams.add({ name: "LIMITED", subjects: ["limited"], max_msg_size: 10_000 });
  const stored = await assertRejects(
    () => publishChunked(jetstream(nc), "limited", payloadOf(1), { chunkSize: 9_999 }),
    RangeError,
  );
  assertStringIncludes(stored.message, "the stream's max_msg_size is 10000");
  assertEquals((await jsm.streams.info("LIMITED")).state.messages, 0);
});

test("publishChunked() sends nothing to a subject that no stream captures", async () => {
  const seen: Msg[] = [];
  const witness = await open();
  witness.subscribe("nowhere", { callback: (_error, message) => void seen.push(message) });
  await witness.flush();
  const publishing = publishChunked(jetstream(nc), "nowhere", payloadOf(10));
  const error = await assertRejects(() => publishing, NoStreamError);
  assertStringIncludes(error.message, 'no stream captures the subject "nowhere": create one');
  await nc.flush();
  await witness.flush();
  assertEquals(seen, []);
});

test("publishChunked() refuses a connection that is closed or draining", async () => {
  const closed = await open();
  await closed.close();
  for (const target of [closed, jetstream(closed)]) {
    const error = await assertRejects(
      () => publishChunked(target, "all.x", payloadOf(1)),
      ConnectionClosedError,
    );
    assertEquals(error.message, "target is a closed connection, wanted is an open one");
  }
  const draining = await open();
  const drained = draining.drain();
  const error = await assertRejects(
    () => publishChunked(draining, "all.x", payloadOf(1)),
    ConnectionClosedError,
  );
  assertEquals(error.message, "target is a draining connection, wanted is an open one");
  await drained;
});

test('publishChunked() refuses delivery "unconfirmed" with a JetStream client', async () => {
  const error = await assertRejects(
    () => publishChunked(jetstream(nc), "all.x", payloadOf(1), { delivery: "unconfirmed" }),
    TypeError,
  );
  assertStringIncludes(error.message, 'delivery is "unconfirmed", target is a JetStream client');
});

test("publishChunked() goes over JetStream clients and connections of the bare transport", async () => {
  const transport = "Deno" in globalThis ? "transport-deno" : "transport-node";
  const official = await import(`@nats-io/${transport}`) as { connect: typeof connect };
  const bare = await official.connect({ servers: server.url });
  opened.push(bare);
  const data = payloadOf(2_000_000);
  const { chunkCount } = await publishChunked(jetstream(bare), "all.bare", data);
  assertEquals(chunkCount, 2);
  assertEquals((await readOne("ALL", "all.bare")).data, data);
});
