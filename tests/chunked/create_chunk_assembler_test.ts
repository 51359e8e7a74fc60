import { test } from "node:test";
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  type AssemblerOptions,
  createChunkAssembler,
  type NatsMessage,
  type PushResult,
  type RejectedEvent,
} from "../../src/chunked/mod.ts";
import {
  askOf,
  coreMessage,
  cutByHand,
  digestOf,
  payloadOf,
  type RawChunk,
  storedMessage,
} from "./_support.ts";

const change = (chunk: RawChunk, headers: Record<string, string>): RawChunk => ({
  ...chunk,
  headers: { ...chunk.headers, ...headers },
});

/** Pushes the chunks and expects the last one to make the payload whole. */
function finish(
  assembler: { push(message: NatsMessage): PushResult },
  chunks: readonly RawChunk[],
  data: Uint8Array,
): void {
  const results = chunks.map((chunk) => assembler.push(coreMessage(chunk)));
  const last = results.pop()!;
  for (const result of results) assertEquals(result.type, "accepted");
  assert(last.type === "complete", JSON.stringify(last));
  assertEquals(last.payload.data, data);
}

test("createChunkAssembler() puts a version-1 upload together, in any order, once", async () => {
  await using assembler = createChunkAssembler();
  await assembler.ready;
  const data = payloadOf(2_500);
  const extra = { "X-Filename": "a.bin", "X-Content-Type": "a/b", "X-Own": "1" };
  const chunks = cutByHand(data, 1_000, { extra });
  const uploadId = chunks[0]!.headers["X-Chunked-Upload-Id"]!;
  assertEquals(assembler.push(coreMessage(chunks[2]!)), {
    type: "accepted",
    uploadId,
    chunkIndex: 2,
  });
  assertEquals(assembler.push(coreMessage(chunks[2]!)).type, "duplicate");
  assertEquals(assembler.push(coreMessage(chunks[0]!)).type, "accepted");
  const result = assembler.push(coreMessage(chunks[1]!));
  assert(result.type === "complete");
  const { ack: _ack, nak: _nak, headers, ...rest } = result.payload;
  assertEquals([...headers], [["X-Own", ["1"]]]);
  const { abandon: _abandon, ...told } = rest as typeof rest & { abandon?: unknown };
  assertEquals(told, {
    uploadId,
    data,
    size: 2_500,
    filename: "a.bin",
    contentType: "a/b",
    digest: await digestOf(data),
  });
  await result.payload.ack();
  assertEquals(assembler.push(coreMessage(chunks[1]!)).type, "duplicate");
});

test("createChunkAssembler() ignores what is no chunk", async () => {
  await using assembler = createChunkAssembler();
  const [chunk] = cutByHand(payloadOf(5), 10);
  const foreign = coreMessage(change(chunk!, { "X-Payload-Type": "other" }));
  assertEquals(assembler.push(foreign), { type: "ignored" });
  assertEquals(assembler.push({ ...foreign, headers: undefined } as unknown as NatsMessage), {
    type: "ignored",
  });
});

/** Every mutation of a chunk that PROTOCOL 2 has refused, made to chunk 1 of three after chunk 0 came. */
const MUTATIONS: [string, (chunk: RawChunk) => RawChunk, RejectedEvent["reason"], string][] = [
  ["an id that is none", (c) => change(c, { "X-Chunked-Upload-Id": "x" }), "malformed", "a UUID"],
  ["an index that is none", (c) => change(c, { "X-Chunk-Index": "+1" }), "malformed", '"+1"'],
  ["an index out of range", (c) => change(c, { "X-Chunk-Index": "3" }), "malformed", "below 3"],
  ["a count that is none", (c) => change(c, { "X-Chunk-Count": "3.0" }), "malformed", '"3.0"'],
  ["a count of zero", (c) => change(c, { "X-Chunk-Count": "0" }), "malformed", "at least 1"],
  ["a size that is none", (c) => change(c, { "X-Total-Size": "1e3" }), "malformed", '"1e3"'],
  ["more chunks than bytes", (c) => change(c, { "X-Total-Size": "2" }), "malformed", "per byte"],
  ["another count", (c) => change(c, { "X-Chunk-Count": "4" }), "conflict", "chunkCount is 4"],
  ["another size", (c) => change(c, { "X-Total-Size": "2501" }), "conflict", "totalSize is 2501"],
  ["another filename", (c) => change(c, { "X-Filename": "b" }), "conflict", 'filename is "b"'],
  ["another type", (c) => change(c, { "X-Content-Type": "b/b" }), "conflict", "contentType is"],
  ["a bad digest", (c) => change(c, { "X-Payload-Digest": "MD5=" }), "malformed", "SHA-256="],
  ["a short body", (c) => ({ ...c, data: c.data.subarray(1) }), "length", "has 999 bytes"],
  ["a long body", (c) => ({ ...c, data: payloadOf(1_001) }), "length", "has 1001 bytes"],
  ["no body", (c) => ({ ...c, data: new Uint8Array() }), "length", "has 0 bytes, wanted are 1000"],
];

for (const [title, mutate, reason, words] of MUTATIONS) {
  test(`createChunkAssembler() reports ${title} as ${reason}, and harms nothing`, async () => {
    const events: RejectedEvent[] = [];
    await using assembler = createChunkAssembler({ onRejected: (event) => events.push(event) });
    const [data, other] = [payloadOf(2_500), payloadOf(1_500, 7)];
    const extra = { "X-Filename": "a", "X-Content-Type": "a/a" };
    const chunks = cutByHand(data, 1_000, { extra });
    const others = cutByHand(other, 1_000);
    assertEquals(assembler.push(coreMessage(chunks[0]!)).type, "accepted");
    assertEquals(assembler.push(coreMessage(others[0]!)).type, "accepted");
    const result = assembler.push(coreMessage(mutate(chunks[1]!)));
    assert(result.type === "rejected", result.type);
    assertEquals(result.event, events[0]!);
    assertEquals([events.length, events[0]!.reason, events[0]!.scope], [1, reason, "chunk"]);
    assertStringIncludes(events[0]!.message, words);
    assertEquals(events[0]!.subject, "fake");
    finish(assembler, [chunks[1]!, chunks[2]!], data);
    finish(assembler, [others[1]!], other);
    assertEquals(events.length, 1);
  });
}

test("createChunkAssembler() refuses headers that the client cannot decode", async () => {
  await using assembler = createChunkAssembler();
  const message = Object.defineProperty(coreMessage(cutByHand(payloadOf(1), 1)[0]!), "headers", {
    get: () => {
      throw new Error("' ' is not a valid character in a header name");
    },
  });
  const result = assembler.push(message);
  assert(result.type === "rejected");
  assertEquals(result.event.reason, "malformed");
});

test("createChunkAssembler() refuses the whole upload when its digest differs", async () => {
  const events: RejectedEvent[] = [];
  await using assembler = createChunkAssembler({ onRejected: (event) => events.push(event) });
  const data = payloadOf(2_500);
  const chunks = cutByHand(data, 1_000);
  const digest = await digestOf(payloadOf(2_500, 2));
  for (const chunk of chunks.slice(0, 2)) assembler.push(coreMessage(chunk));
  const result = assembler.push(coreMessage(change(chunks[2]!, { "X-Payload-Digest": digest })));
  assert(result.type === "rejected");
  const { reason, scope, message } = result.event;
  assertEquals([reason, scope, events.length], ["digest", "upload", 1]);
  assertStringIncludes(message, `announced was ${digest}`);
});

test("createChunkAssembler() verifies a digest on any chunk, and refuses one that differs", async () => {
  await using assembler = createChunkAssembler();
  const data = payloadOf(2_500);
  const [zero, one, two] = cutByHand(data, 1_000);
  const right = { "X-Payload-Digest": await digestOf(data) };
  const wrong = { "X-Payload-Digest": await digestOf(new Uint8Array()) };
  assembler.push(coreMessage(change(zero!, right)));
  const result = assembler.push(coreMessage(change(one!, wrong)));
  assert(result.type === "rejected");
  assertEquals(result.event.reason, "conflict");
  finish(assembler, [one!, two!], data);
});

test("createChunkAssembler() refuses declared sizes beyond its bounds without taking memory", async () => {
  const events: RejectedEvent[] = [];
  const options = { onRejected: (event: RejectedEvent) => void events.push(event) };
  await using assembler = createChunkAssembler(options);
  const [chunk] = cutByHand(payloadOf(5), 10);
  const exabyte = "1000000000000000";
  const before = rss();
  for (let attempt = 0; attempt < 200; attempt++) {
    const uploadId = crypto.randomUUID();
    for (
      const hostile of [
        { "X-Total-Size": exabyte, "X-Chunk-Count": "200000000" },
        { "X-Total-Size": String(Number.MAX_SAFE_INTEGER), "X-Chunk-Count": "4000000000" },
        { "X-Total-Size": "104857600", "X-Chunk-Count": "4000000" },
        { "X-Total-Size": "104857601", "X-Chunk-Count": "100" },
      ]
    ) {
      const headers = { ...hostile, "X-Chunked-Upload-Id": uploadId };
      const result = assembler.push(coreMessage(change(chunk!, headers)));
      assert(result.type === "rejected");
      assertEquals([result.event.reason, result.event.scope], ["too-large", "upload"]);
    }
  }
  assertEquals(events.length, 800);
  assert(rss() - before < 50_000_000);
});

test("createChunkAssembler() survives what is admitted and cannot be allocated", async () => {
  const huge = 2 ** 53 - 1;
  await using assembler = createChunkAssembler({
    maxUploadBytes: huge,
    maxBufferedBytes: huge,
    maxChunks: huge,
  });
  const [chunk] = cutByHand(payloadOf(1_000), 1_000);
  const hostile = { "X-Total-Size": "9000000000000", "X-Chunk-Count": "9000000000" };
  const result = assembler.push(coreMessage(change(chunk!, hostile)));
  assert(result.type === "rejected", result.type);
  const data = payloadOf(10);
  finish(assembler, cutByHand(data, 4), data);
});

const BOUNDS: AssemblerOptions = { maxUploads: 2, maxBufferedBytes: 3_000, maxUploadBytes: 3_000 };

test("createChunkAssembler() reserves declared sizes, and lets newcomers wait", async () => {
  await using assembler = createChunkAssembler(BOUNDS);
  const [a, b, c] = [payloadOf(2_000, 1), payloadOf(1_000, 2), payloadOf(500, 3)];
  const [as, bs, cs] = [cutByHand(a, 1_000), cutByHand(b, 600), cutByHand(c, 300)];
  assembler.push(coreMessage(as[0]!));
  assembler.push(coreMessage(bs[0]!));
  const full = assembler.push(coreMessage(cs[0]!));
  assert(full.type === "rejected");
  assertEquals([full.event.reason, full.event.scope], ["full", "chunk"]);
  assertEquals(
    full.event.message,
    "2 of 2 uploads and 3000 of 3000 bytes are taken, 500 bytes are wanted",
  );
  const whole = assembler.push(coreMessage(bs[1]!));
  assert(whole.type === "complete");
  assertEquals(assembler.push(coreMessage(cs[0]!)).type, "rejected"); // it counts until it is settled
  await whole.payload.ack();
  finish(assembler, cs, c);
  finish(assembler, [as[1]!], a);
});

test("createChunkAssembler() answers a sender on core NATS with credit and complete", async () => {
  await using assembler = createChunkAssembler();
  const data = payloadOf(2_500);
  const chunks = cutByHand(data, 1_000);
  const ask = askOf(chunks[0]!, 1, "reply");
  assertEquals(assembler.push(ask), { type: "ignored" });
  assertEquals(ask.answers.length, 1);
  const { "X-Chunk-Receiver": receiver, ...credit } = ask.answers[0]!;
  assert(receiver!.length > 0);
  assertEquals(credit, {
    "X-Chunked-Upload-Id": chunks[0]!.headers["X-Chunked-Upload-Id"]!,
    "X-Chunk-Ask": "1",
    "X-Chunk-Next": "0",
    "X-Chunk-Window": "2500",
    "X-Chunk-Status": "receiving",
  });
  const results = chunks.map((chunk) => assembler.push(coreMessage(chunk, "reply")));
  const whole = results[2]!;
  assert(whole.type === "complete");
  assertEquals(ask.answers.at(-1)!["X-Chunk-Status"], "receiving");
  await whole.payload.ack();
  assertEquals(ask.answers.at(-1)!["X-Chunk-Status"], "complete");
  const late = askOf(chunks[0]!, 2, "reply");
  assembler.push(late);
  assertEquals(late.answers.map((answer) => answer["X-Chunk-Status"]), ["complete"]);
});

test("createChunkAssembler() answers rejected to nak(), and abandoned when it is closed", async () => {
  const assembler = createChunkAssembler();
  const statusOf = ({ answers }: ReturnType<typeof askOf>) => {
    const last = answers.at(-1)!;
    return [last["X-Chunk-Status"], last["X-Chunk-Reason"]];
  };
  const asks = [];
  for (const size of [1_000, 2_000]) {
    const chunks = cutByHand(payloadOf(size), 1_000);
    const ask = askOf(chunks[0]!, 1, `reply.${size}`);
    asks.push(ask);
    assembler.push(ask);
    const result = assembler.push(coreMessage(chunks[0]!, `reply.${size}`));
    if (result.type === "complete") result.payload.nak();
  }
  assertEquals(statusOf(asks[0]!), ["rejected", "the receiver rejected the payload"]);
  assertEquals(statusOf(asks[1]!)[0], "receiving");
  await assembler[Symbol.asyncDispose]();
  assertEquals(statusOf(asks[1]!), ["rejected", "abandoned"]);
  assembler.close();
  const [chunk] = cutByHand(payloadOf(1), 1);
  assertEquals(
    assertThrows(() => assembler.push(coreMessage(chunk!)), Error).message,
    "the assembler is closed",
  );
});

test("createChunkAssembler() keeps JetStream messages until the payload is settled", async () => {
  await using assembler = createChunkAssembler();
  const data = payloadOf(2_500);
  const messages = cutByHand(data, 1_000).map((chunk, seq) => storedMessage(chunk, { seq }));
  const results = messages.map((message) => assembler.push(message));
  assertEquals(messages.map(({ settled }) => settled), [[], [], []]);
  const whole = results[2]!;
  assert(whole.type === "complete");
  assertEquals(whole.payload.data, data);
  await whole.payload.ack();
  await whole.payload.ack();
  whole.payload.nak();
  assertEquals(messages.map(({ settled }) => settled), [["ackAck"], ["ackAck"], ["ackAck"]]);
  const late = storedMessage(cutByHand(data, 1_000)[1]!, { seq: 1, deliveryCount: 2 });
  const own = whole.payload.uploadId;
  late.headers!.set("X-Chunked-Upload-Id", own);
  assertEquals(assembler.push(late).type, "duplicate");
  assertEquals(late.settled, ["ack"]);
});

test("createChunkAssembler() hands JetStream messages back with nak() and when it is closed", async () => {
  const assembler = createChunkAssembler();
  const messages = cutByHand(payloadOf(2_000), 1_000)
    .map((chunk, seq) => storedMessage(chunk, { seq }));
  const results = messages.map((message) => assembler.push(message));
  const whole = results[1]!;
  assert(whole.type === "complete");
  whole.payload.nak(250);
  assertEquals(messages.map(({ settled }) => settled), [["nak 250"], ["nak 250"]]);

  const again = messages.map(({ headers, data }, seq) =>
    storedMessage({
      headers: Object.fromEntries([...headers!].map(([name, [value]]) => [name, value!])),
      data,
    }, { seq, deliveryCount: 2 })
  );
  assertEquals(assembler.push(again[0]!).type, "accepted"); // it may come again at once
  await assembler[Symbol.asyncDispose]();
  const [what, delay] = again[0]!.settled[0]!.split(" ");
  // Twice as long at the second delivery: others get it soon, but never in a hot loop.
  assert(what === "nak" && Number(delay) >= 100 && Number(delay) <= 200, again[0]!.settled[0]);
});

test("createChunkAssembler() terms only what can never be right", async () => {
  await using assembler = createChunkAssembler({ maxUploads: 1, maxUploadBytes: 10_000 });
  const chunks = cutByHand(payloadOf(2_500), 1_000);
  const push = (chunk: RawChunk, seq: number): string => {
    const message = storedMessage(chunk, { seq });
    assembler.push(message);
    return message.settled.map((settled) => settled.split(" ")[0]).join();
  };
  assertEquals(push(chunks[0]!, 1), "");
  assertEquals(push(change(chunks[1]!, { "X-Chunk-Index": "x" }), 2), "term");
  assertEquals(push(change(chunks[1]!, { "X-Total-Size": "2501" }), 3), "term");
  assertEquals(push(cutByHand(payloadOf(10_001), 8_000)[0]!, 4), "term");
  assertEquals(push(cutByHand(payloadOf(5), 8)[0]!, 5), "nak"); // full
  assertEquals(push(change(chunks[0]!, { "X-Payload-Type": "x" }), 6), ""); // not ours
  const digest = await digestOf(new Uint8Array());
  assertEquals(push(chunks[1]!, 7), "");
  assertEquals(push(change(chunks[2]!, { "X-Payload-Digest": digest }), 8), "term");
});

test("createChunkAssembler() goes on when onRejected throws", async () => {
  await using assembler = createChunkAssembler({
    onRejected: () => {
      throw new Error("broken log");
    },
  });
  const data = payloadOf(10);
  const chunks = cutByHand(data, 4);
  const result = assembler.push(coreMessage(change(chunks[0]!, { "X-Chunk-Index": "x" })));
  assertEquals(result.type, "rejected");
  finish(assembler, chunks, data);
});

test("createChunkAssembler() refuses bad options by name", () => {
  const cases: [unknown, typeof TypeError | typeof RangeError, string][] = [
    [{ maxUploads: 0 }, RangeError, "maxUploads is 0, wanted is a whole number from 1"],
    [{ maxChunks: 1.5 }, RangeError, "maxChunks is 1.5, wanted is a whole number from 1"],
    [{ maxUploadBytes: "1" }, TypeError, "maxUploadBytes is a string, wanted is a number"],
    [{ maxBufferedBytes: -1 }, RangeError, "maxBufferedBytes is -1"],
    [{ idleTimeout: NaN }, RangeError, "idleTimeout is NaN"],
    [{ onRejected: 5 }, TypeError, "onRejected is a number, wanted is a function"],
    [{ connection: 5 }, TypeError, "connection is a number, wanted is a NATS connection"],
    [{ connection: null }, TypeError, "connection is null, wanted is a NATS connection"],
    [{ maxupload: 5 }, TypeError, 'options has the unknown field "maxupload", known are: max'],
    [null, TypeError, "options is null, wanted is an object"],
  ];
  for (const [options, kind, message] of cases) {
    const error = assertThrows(() => createChunkAssembler(options as AssemblerOptions), kind);
    assertEquals(error.message.slice(0, message.length), message);
  }
});

function rss(): number {
  const { process } = globalThis as unknown as { process: { memoryUsage(): { rss: number } } };
  return process.memoryUsage().rss;
}

test("createChunkAssembler() refuses asks with a body and headers beyond 64 KiB, which it would have to keep", async () => {
  const events: RejectedEvent[] = [];
  await using assembler = createChunkAssembler({ onRejected: (event) => events.push(event) });
  const [chunk] = cutByHand(payloadOf(5), 10);
  const big = change(chunk!, { "X-Own": "a".repeat(65_536) });
  assertEquals(assembler.push(coreMessage(big)).type, "rejected");
  const ask = change(chunk!, {
    "X-Payload-Type": "chunked-ask",
    "X-Chunk-Ask": "1",
    "X-Chunk-Credit": "1",
  });
  assertEquals(
    assembler.push({ ...coreMessage(ask), reply: "inbox" } as NatsMessage).type,
    "rejected",
  );
  assertEquals(events.map(({ reason }) => reason), ["malformed", "malformed"]);
  assertStringIncludes(events[0]!.message, "at most 65536");
  assertStringIncludes(events[1]!.message, "body");
});
