import { test } from "node:test";
import fc from "fast-check";
import { assert, assertEquals } from "@std/assert";
import {
  assembleChunks,
  type ChunkedPayload,
  createChunkAssembler,
  type NatsMessage,
  type PushResult,
  type RejectedEvent,
} from "../../src/chunked/mod.ts";
import {
  coreMessage,
  cutByHand,
  digestOf,
  type FakeStoredMessage,
  payloadOf,
  type RawChunk,
  storedMessage,
} from "./_support.ts";

const REASONS: readonly RejectedEvent["reason"][] = [
  "malformed",
  "conflict",
  "length",
  "too-large",
  "digest",
  "taken",
  "full",
  "evicted",
  "idle",
  "rejected",
  "abandoned",
];

/** A chunk size and a payload size at its edges: 0, 1, n·chunk − 1, n·chunk, n·chunk + 1. */
const shape = fc.record({
  chunkSize: fc.integer({ min: 1, max: 300 }),
  multiple: fc.integer({ min: 0, max: 6 }),
  offset: fc.constantFrom(-1, 0, 1),
  seed: fc.integer({ min: 1, max: 1_000 }),
}).map(({ chunkSize, multiple, offset, seed }) => {
  const data = payloadOf(Math.max(0, chunkSize * multiple + offset), seed);
  return { data, chunkSize };
});

/** Uploads of any shape, and an order in which all their chunks come, some of them more than once. */
const deliveries = fc.record({
  uploads: fc.array(shape, { minLength: 1, maxLength: 6 }),
  picks: fc.array(fc.nat(), { minLength: 42, maxLength: 42 }), // one for each chunk there can be
  repeats: fc.array(fc.nat(), { maxLength: 10 }),
  stored: fc.boolean(),
}).map(({ uploads, picks, repeats, stored }) => {
  const ids = uploads.map((_, index) =>
    `00000000-0000-4000-8000-${String(index).padStart(12, "0")}`
  );
  const chunks = uploads.flatMap(({ data, chunkSize }, index) =>
    cutByHand(data, chunkSize, { uploadId: ids[index]! })
  );
  const order = [...chunks];
  for (let at = order.length - 1; at > 0; at--) {
    const other = picks[at]! % (at + 1);
    [order[at], order[other]] = [order[other]!, order[at]!];
  }
  for (const repeat of repeats) {
    order.splice(repeat % (order.length + 1), 0, chunks[repeat % chunks.length]!);
  }
  const sent = new Map(ids.map((id, index) => [id, uploads[index]!.data]));
  return { order, sent, stored };
});

let sequence = 0;
const messageOf = (chunk: RawChunk, stored: boolean): NatsMessage =>
  stored ? storedMessage(chunk, { seq: ++sequence }) : coreMessage(chunk);

test("createChunkAssembler() yields every upload once and identical, in any order, repeats and mixture", async () => {
  await fc.assert(
    fc.asyncProperty(deliveries, async ({ order, sent, stored }) => {
      const rejected: RejectedEvent[] = [];
      await using assembler = createChunkAssembler({ onRejected: (event) => rejected.push(event) });
      const payloads: ChunkedPayload[] = [];
      for (const chunk of order) {
        const result = assembler.push(messageOf(chunk, stored));
        if (result.type === "complete") payloads.push(result.payload);
        else assert(result.type === "accepted" || result.type === "duplicate", result.type);
      }
      assertEquals(rejected, []);
      assertEquals(new Set(payloads.map(({ uploadId }) => uploadId)).size, payloads.length);
      assertEquals(payloads.length, sent.size);
      for (const { uploadId, data, size, digest } of payloads) {
        assertEquals(data, sent.get(uploadId));
        assertEquals([size, digest], [data.length, await digestOf(data)]);
      }
      for (const payload of payloads) await payload.ack();
    }),
    { numRuns: 150 },
  );
});

/** What may be wrong with one chunk. */
const mutation = fc.oneof(
  fc.record({
    type: fc.constant("set" as const),
    name: fc.constantFrom(
      "X-Payload-Type",
      "X-Chunked-Upload-Id",
      "X-Chunk-Index",
      "X-Chunk-Count",
      "X-Total-Size",
      "X-Filename",
      "X-Content-Type",
      "X-Payload-Digest",
      "X-Chunk-Credit",
      "X-Chunk-Ask",
    ),
    value: fc.oneof(
      fc.constantFrom("", "0", "1", "2", "3", "7", "+1", "1e3", "0x10", "-1", "x", "chunked-ask"),
      fc.constantFrom("9007199254740991", "9007199254740993", `SHA-256=${"A".repeat(43)}=`),
      fc.nat({ max: 2_000 }).map(String),
      fc.nat({ max: 5 }).map((n) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`),
      fc.string({ maxLength: 20 }).map((text) => text.replaceAll(/[\r\n]/g, "")),
    ),
  }),
  fc.record({
    type: fc.constant("drop" as const),
    name: fc.constantFrom(
      "X-Payload-Type",
      "X-Chunked-Upload-Id",
      "X-Chunk-Index",
      "X-Chunk-Count",
      "X-Total-Size",
    ),
  }),
  fc.record({ type: fc.constant("cut" as const), length: fc.nat({ max: 300 }) }),
  fc.record({ type: fc.constant("grow" as const), length: fc.nat({ max: 300 }) }),
);

function mutate(
  chunk: RawChunk,
  change: typeof mutation extends fc.Arbitrary<infer T> ? T : never,
) {
  if (change.type === "set") {
    return { ...chunk, headers: { ...chunk.headers, [change.name]: change.value } };
  }
  if (change.type === "drop") {
    const headers = { ...chunk.headers };
    delete headers[change.name];
    return { ...chunk, headers };
  }
  if (change.type === "cut") return { ...chunk, data: chunk.data.subarray(0, change.length) };
  return { ...chunk, data: payloadOf(chunk.data.length + change.length, 5) };
}

test("createChunkAssembler() never throws and names each refusal when chunks are mutated", async () => {
  const hostile = fc.record({
    delivery: deliveries,
    mutations: fc.array(fc.tuple(fc.nat(), mutation), { minLength: 1, maxLength: 8 }),
    replies: fc.array(fc.constantFrom("", "one", "two"), { minLength: 1, maxLength: 5 }),
  });
  await fc.assert(
    fc.asyncProperty(hostile, async ({ delivery: { order, stored }, mutations, replies }) => {
      const messages = [...order];
      for (const [pick, change] of mutations) {
        const at = pick % (messages.length + 1);
        messages.splice(at, 0, mutate(order[pick % order.length]!, change));
      }
      const rejected: RejectedEvent[] = [];
      await using assembler = createChunkAssembler({
        maxUploads: 5,
        maxUploadBytes: 1_500,
        maxBufferedBytes: 4_000,
        maxChunks: 100,
        onRejected: (event) => rejected.push(event),
      });
      const claimed = new Map<string, number>();
      for (const [at, chunk] of messages.entries()) {
        const message = stored
          ? storedMessage(chunk, { seq: ++sequence })
          : coreMessage(chunk, replies[at % replies.length] || undefined);
        const result = assembler.push(message);
        checkResult(result, rejected);
        if (result.type === "accepted") {
          claimed.set(result.uploadId, Number(chunk.headers["X-Total-Size"]));
        }
        if (result.type === "rejected" && result.event.scope === "upload") {
          claimed.delete(result.event.uploadId!);
        }
        if (result.type !== "complete") continue;
        const { payload } = result;
        claimed.delete(payload.uploadId);
        assertEquals(payload.data.length, payload.size);
        assertEquals(payload.digest, await digestOf(payload.data));
        await payload.ack();
      }
      const reserved = [...claimed.values()].reduce((sum, size) => sum + size, 0);
      assert(reserved <= 4_000 && claimed.size <= 5, "more is buffered than allowed");
    }),
    { numRuns: 300 },
  );
});

function checkResult(result: PushResult, rejected: readonly RejectedEvent[]): void {
  if (result.type !== "rejected") return;
  assertEquals(rejected.at(-1), result.event);
  assert(REASONS.includes(result.event.reason), result.event.reason);
  assert(result.event.message.length > 10 && result.event.message.length < 500);
}

test("createChunkAssembler() yields exactly what was sent, or a named refusal, when one chunk is mutated", async () => {
  const single = fc.record({ upload: shape, pick: fc.nat(), change: mutation });
  await fc.assert(
    fc.asyncProperty(single, async ({ upload: { data, chunkSize }, pick, change }) => {
      const uploadId = "00000000-0000-4000-8000-00000000000f";
      const digest = { "X-Payload-Digest": await digestOf(data) };
      const chunks = cutByHand(data, chunkSize, { uploadId, extra: digest });
      const victim = pick % chunks.length;
      const mutated = mutate(chunks[victim]!, change);
      await using assembler = createChunkAssembler();
      const payloads: ChunkedPayload[] = [];
      const refusals: RejectedEvent[] = [];
      const push = (chunk: RawChunk): void => {
        const result = assembler.push(coreMessage(chunk));
        if (result.type === "complete") payloads.push(result.payload);
        else if (result.type === "rejected") refusals.push(result.event);
      };
      for (const [index, chunk] of chunks.entries()) push(index === victim ? mutated : chunk);
      for (const payload of payloads) {
        // Garbled beyond what the headers tell, it may be another upload, or lack the digest; never a wrong whole.
        if (payload.uploadId !== uploadId || !("X-Payload-Digest" in mutated.headers)) continue;
        if (mutated.headers["X-Payload-Digest"] !== digest["X-Payload-Digest"]) continue;
        assertEquals(payload.data, data);
      }
      // What was refused, or never looked like a chunk of it, may be sent again as it should have been.
      const spoilt = refusals.some(({ scope }) => scope === "upload");
      const began = victim > 0;
      if (payloads.length === 0 && began && !spoilt) {
        push(chunks[victim]!);
        // With a false index it took another chunk's place, which only the digest can tell.
        const misplaced = refusals.some(({ reason }) => reason === "digest");
        assertEquals(payloads.map((payload) => payload.data), misplaced ? [] : [data]);
      }
    }),
    { numRuns: 300 },
  );
});

/** How the body of a loop deals with a payload; `ask` leaves it to the loop, by asking for the next one. */
const settling = fc.constantFrom("ack" as const, "nak" as const, "late" as const, "ask" as const);

/** Longer than it takes to hand over all messages for which there is room. */
async function linger(): Promise<void> {
  for (let turns = 0; turns < 5; turns++) await new Promise((resolve) => setTimeout(resolve));
}

test("assembleChunks() ends only as its messages do, and holds no more than maxBufferedBytes", async () => {
  const maxBufferedBytes = 2_500;
  const loops = fc.record({
    delivery: deliveries,
    mutations: fc.array(fc.tuple(fc.nat(), mutation), { maxLength: 4 }),
    settlings: fc.array(settling, { minLength: 1, maxLength: 6 }),
    unconfirmed: fc.boolean(),
    error: fc.option(fc.string().map((text) => new Error(text)), { nil: undefined }),
  });
  let pressed = 0;
  await fc.assert(
    fc.asyncProperty(loops, async ({ delivery, mutations, settlings, unconfirmed, error }) => {
      const { order, stored } = delivery;
      const chunks = [...order];
      for (const [pick, change] of mutations) {
        chunks.splice(pick % (chunks.length + 1), 0, mutate(order[pick % order.length]!, change));
      }
      const handedOver: { message: NatsMessage; bytes: number }[] = [];
      async function* messages(): AsyncGenerator<NatsMessage> {
        for (const chunk of chunks) {
          const message = messageOf(chunk, stored);
          if (unconfirmed && "ackAck" in message) {
            message.ackAck = () => {
              (message as FakeStoredMessage).settled.push("ackAck");
              return Promise.reject(new Error("its confirmation was lost"));
            };
          }
          const isChunk = String(chunk.headers["X-Payload-Type"]).startsWith("chunked-");
          yield message;
          // The loop has asked for the next one, so it is done with this one.
          handedOver.push({ message, bytes: isChunk ? chunk.data.length : 0 });
          if (stored) {
            assert(heldBytes(handedOver) <= maxBufferedBytes, "more than allowed is held");
          }
        }
        if (error) throw error;
      }
      const seen: ChunkedPayload[] = [];
      const run = async (): Promise<void> => {
        const whole = assembleChunks(messages(), {
          maxUploads: 5,
          maxBufferedBytes,
          onRejected: ({ reason }) => {
            if (reason === "full") pressed++;
          },
        });
        for await (const payload of whole) {
          const how = settlings[seen.length % settlings.length]!;
          seen.push(payload);
          assertEquals([payload.size, payload.digest], [
            payload.data.length,
            await digestOf(payload.data),
          ]);
          if (how === "late") await linger();
          if (how === "nak") payload.nak();
          else if (how !== "ask") await payload.ack().catch(() => assert(unconfirmed));
        }
      };
      const ending = await run().then(() => undefined, (thrown) => thrown);
      assertEquals(ending, error);
      for (const payload of seen) await payload.ack(); // too late, and without effect
    }),
    { numRuns: 150, interruptAfterTimeLimit: 30_000, markInterruptAsFailure: true },
  );
  assert(pressed > 10, `only ${pressed} chunks found no room`);
});

/** The bytes of the messages that are neither acknowledged nor handed back. */
function heldBytes(handedOver: readonly { message: NatsMessage; bytes: number }[]): number {
  return handedOver.reduce((sum, { message, bytes }) => {
    const { settled } = message as FakeStoredMessage;
    return settled.some((each) => each !== "working") ? sum : sum + bytes;
  }, 0);
}
