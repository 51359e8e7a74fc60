import { test } from "node:test";
import { assert, assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { Budget } from "../../src/_budget.ts";
import type { UploadContext, UploadHandler } from "../../src/_upload.ts";
import type { ChunkInfo } from "../../src/chunked/_format/headers.ts";
import { StreamingUpload } from "../../src/chunked/_receive/streaming_upload.ts";
import { systemTimers, type Timers } from "../../src/chunked/_intake/timers.ts";
import { DigestMismatchError, HandlerTimeoutError, PermanentError } from "../../src/errors.ts";
import { World } from "../credit/_world.ts";
import { bytes, infoOf, noHeaders, startHash } from "./_chunks.ts";
import { digestOf, payloadOf } from "./_support.ts";

/** Of the ten bytes of {@linkcode offer}: four ones, four twos, two threes. */
const DIGEST = "SHA-256=JTAj7rvycDhKDnnuIQzvilrX5QJ0lZkpXULHT8DK4Ec=";
const OTHER_DIGEST = `SHA-256=${"A".repeat(43)}=`;

/** An upload of ten bytes in three chunks, and what it says. */
class Bench {
  readonly buffer: Budget;
  readonly consumed: number[] = [];
  readonly chunks: Uint8Array[] = [];
  hungry = 0;
  context: UploadContext | undefined;
  readonly upload: StreamingUpload;

  constructor(
    handler: UploadHandler = (stream) => this.read(stream),
    { info = infoOf(0), chunkSize = 4, size = 100_000, handlerTimeout, timers = systemTimers }: {
      info?: ChunkInfo;
      chunkSize?: number;
      size?: number;
      handlerTimeout?: number;
      timers?: Timers;
    } = {},
  ) {
    this.buffer = new Budget(size);
    this.upload = new StreamingUpload({
      info,
      chunkSize,
      headers: noHeaders(),
      subject: "files.a",
      deliveryCount: 2,
      startHash,
      handler: (stream, context) => {
        this.context = context;
        return handler(stream, context);
      },
      handlerTimeout,
      timers,
      buffer: this.buffer,
      onConsumed: (count) => void this.consumed.push(count),
      onHungry: () => void this.hungry++,
    });
  }

  /** Reads everything. */
  async read(stream: ReadableStream<Uint8Array>): Promise<void> {
    for await (const chunk of stream) this.chunks.push(chunk);
  }

  get bytes(): number[] {
    return this.chunks.flatMap((chunk) => [...chunk]);
  }
}

/** Offers chunk `index`, all bytes of which are `index + 1`. */
function offer(
  { upload }: Bench,
  index: number,
  { change = {}, data = bytes(index === 2 ? 2 : 4, index + 1), granted = 0 }: {
    change?: Partial<ChunkInfo>;
    data?: Uint8Array;
    granted?: number;
  } = {},
): string {
  const result = upload.offer(infoOf(index, change), data, granted);
  return typeof result === "string" ? result : result.reason;
}

/** Lets everything run that does not wait for anything. */
const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

const never = (): Promise<void> => new Promise(() => {});

test("StreamingUpload.offer() hands bytes on in order, whatever order they come in", async () => {
  for (const order of [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]]) {
    const bench = new Bench();
    for (const index of order) {
      assertEquals(offer(bench, index, { change: index === 2 ? { digest: DIGEST } : {} }), "taken");
      await turn();
    }
    assertEquals(await bench.upload.outcome, { type: "handled", digest: DIGEST });
    assertEquals(bench.bytes, [1, 1, 1, 1, 2, 2, 2, 2, 3, 3]);
    assertEquals(bench.consumed, [4, 4, 2]);
    assertEquals([bench.upload.bufferedBytes, bench.buffer.used], [0, 0]);
  }
});

test("StreamingUpload tells the handler what is known of the upload", async () => {
  const info = infoOf(0, { filename: "a.txt", contentType: "text/plain" });
  const bench = new Bench(() => {}, { info });
  await turn();
  const { signal, headers: _headers, ...rest } = bench.context!;
  assertEquals(rest, {
    uploadId: info.uploadId,
    size: 10,
    filename: "a.txt",
    contentType: "text/plain",
    subject: "files.a",
    deliveryCount: 2,
  });
  assertEquals(signal.aborted, false);
});

test("StreamingUpload knows what is here, what is missing, and what waits for the handler", () => {
  const info = infoOf(0, { chunkCount: 6, totalSize: 24 });
  const bench = new Bench(never, { info });
  const { upload } = bench;
  const put = (index: number): string =>
    offer(bench, index, {
      change: info.chunkCount === 6 ? { ...info, index } : {},
      data: bytes(4),
    });
  put(1);
  put(3);
  put(5);
  assertEquals([upload.next, upload.receivedBytes, upload.waitingBytes], [0, 12, 0]);
  assertEquals(upload.gaps(64), [[0, 0], [2, 2], [4, 4]]);
  assertEquals(upload.gaps(2), [[0, 0], [2, 2]]);
  put(0);
  assertEquals([upload.next, upload.bufferedBytes, upload.waitingBytes], [2, 16, 8]);
  assertEquals(upload.gaps(64), [[2, 2], [4, 4]]);
  assertEquals([0, 1, 2, 3, 4, 5].map((index) => upload.has(index)), [
    true,
    true,
    false,
    true,
    false,
    true,
  ]);
  put(2);
  put(4);
  assertEquals([upload.next, upload.isWhole, upload.waitingBytes], [6, true, 24]);
  assertEquals(upload.gaps(64), []);
});

test("StreamingUpload.offer() ignores repeats and refuses what disagrees, and goes on", async () => {
  const bench = new Bench();
  assertEquals(offer(bench, 0, { change: { digest: DIGEST } }), "taken");
  assertEquals(offer(bench, 0), "duplicate");
  assertEquals(offer(bench, 1, { change: { totalSize: 11 } }), "conflict");
  assertEquals(offer(bench, 1, { change: { filename: "other" } }), "conflict");
  assertEquals(offer(bench, 1, { change: { digest: OTHER_DIGEST } }), "conflict");
  assertEquals(offer(bench, 1, { data: bytes(3) }), "length");
  assertEquals(offer(bench, 2, { data: bytes(4) }), "length");
  assertEquals([offer(bench, 2), offer(bench, 2), offer(bench, 1)], [
    "taken",
    "duplicate",
    "taken",
  ]);
  assertEquals((await bench.upload.outcome).type, "handled");
  assertEquals(offer(bench, 1), "duplicate");
});

test("StreamingUpload.offer() takes early chunks only while the buffer is at most half full", () => {
  const info = infoOf(0, { chunkCount: 6, totalSize: 6_000 });
  const bench = new Bench(never, { info, chunkSize: 1_000, size: 4_000 });
  const put = (index: number): string =>
    offer(bench, index, { change: { ...info, index }, data: bytes(1_000) });
  assertEquals([put(2), put(3), put(4)], ["taken", "taken", "no-room"]);
  // The next one gets through as long as nothing waits for the handler, however full it is.
  bench.buffer.adjust(2_000);
  assertEquals([put(0), put(1)], ["taken", "no-room"]);
  bench.buffer.adjust(-2_000);
  assertEquals([put(1), put(4)], ["taken", "no-room"]);
  assertEquals(bench.upload.next, 4);
});

test("StreamingUpload.offer() does not count the room that is set aside for the chunk", () => {
  const info = infoOf(0, { chunkCount: 6, totalSize: 6_000 });
  const bench = new Bench(never, { info, chunkSize: 1_000, size: 4_000 });
  const put = (index: number, granted: number): string =>
    offer(bench, index, { change: { ...info, index }, data: bytes(1_000), granted });
  bench.buffer.adjust(3_000);
  assertEquals([put(0, 0), put(1, 0), put(1, 1_000)], ["taken", "no-room", "taken"]);
});

test("StreamingUpload counts tiny chunks for more than their bytes", () => {
  const info = infoOf(0, { chunkCount: 100, totalSize: 100 });
  const bench = new Bench(never, { info, chunkSize: 1, size: 4_096 });
  const results = Array.from(
    { length: 10 },
    (_, index) => offer(bench, index, { change: { ...info, index }, data: bytes(1) }),
  );
  assertEquals(results, [...new Array(8).fill("taken"), "no-room", "no-room"]);
  assertEquals([bench.upload.bufferedBytes, bench.buffer.used], [8, 4_096]);
  bench.upload.abandon(new Error("enough"));
  assertEquals(bench.buffer.used, 0);
});

test("StreamingUpload does not keep the large reads that small chunks came in", async () => {
  let reading = (): void => {};
  const start = new Promise<void>((resolve) => void (reading = resolve));
  const bench = new Bench(async (stream) => {
    await start;
    await bench.read(stream);
  });
  const read = bytes(10_000, 1);
  offer(bench, 0, { data: read.subarray(0, 4) });
  reading();
  await turn();
  assertEquals(bench.chunks.map((chunk) => chunk.buffer.byteLength), [4]);
});

test("StreamingUpload is hungry while its handler waits for what is not here", async () => {
  const bench = new Bench();
  assertEquals(bench.upload.isHungry, false);
  await turn();
  assertEquals([bench.upload.isHungry, bench.hungry], [true, 1]);
  offer(bench, 1);
  assertEquals([bench.upload.isHungry, bench.upload.waitingBytes], [true, 0]);
  offer(bench, 0);
  await turn();
  assertEquals([bench.upload.isHungry, bench.upload.next], [true, 2]);
  offer(bench, 2);
  assertEquals(bench.upload.isHungry, false);
  assertEquals((await bench.upload.outcome).type, "handled");
});

test("StreamingUpload holds what the handler does not ask for", async () => {
  const steps: (() => void)[] = [];
  const bench = new Bench(async (stream) => {
    for await (const chunk of stream) {
      bench.chunks.push(chunk);
      await new Promise<void>((resolve) => void steps.push(resolve));
    }
  });
  for (const index of [0, 1, 2]) offer(bench, index);
  await turn();
  assertEquals([bench.upload.bufferedBytes, bench.consumed], [6, [4]]);
  steps.shift()!();
  await turn();
  assertEquals([bench.upload.bufferedBytes, bench.consumed], [2, [4, 4]]);
  steps.shift()!();
  await turn();
  steps.shift()!();
  assertEquals((await bench.upload.outcome).type, "handled");
  assertEquals(bench.bytes.length, 10);
});

test("StreamingUpload never ends the stream when the digest is wrong", async () => {
  let error: unknown;
  const bench = new Bench(async (stream) => {
    try {
      await bench.read(stream);
    } catch (thrown) {
      error = thrown;
    }
  });
  await turn();
  for (const index of [0, 1, 2]) {
    offer(bench, index, { change: index === 2 ? { digest: OTHER_DIGEST } : {} });
    await turn();
  }
  const outcome = await bench.upload.outcome;
  assert(outcome.type === "corrupt");
  assertEquals([outcome.refusal.reason, outcome.refusal.final], ["digest", true]);
  assertInstanceOf(error, DigestMismatchError);
  assertEquals([error.expected, error.actual], [OTHER_DIGEST, DIGEST]);
  assertEquals(bench.bytes, [1, 1, 1, 1, 2, 2, 2, 2]);
  assertStrictEquals(bench.context!.signal.reason, error);
  assertEquals([bench.buffer.used, bench.upload.bufferedBytes], [0, 0]);
});

test("StreamingUpload counts a handler that returns early only when the rest is here and right", async () => {
  for (const digest of [DIGEST, OTHER_DIGEST]) {
    for (const leave of ["return", "cancel"]) {
      const bench = new Bench(async (stream) => {
        if (leave === "cancel") await stream.cancel();
      });
      let outcome: string | undefined;
      void bench.upload.outcome.then(({ type }) => void (outcome = type));
      offer(bench, 0);
      await turn();
      offer(bench, 1);
      await turn();
      assertEquals([outcome, bench.upload.bufferedBytes, bench.buffer.used], [undefined, 0, 0]);
      assertEquals([bench.upload.isHungry, bench.consumed], [true, [4, 4]]);
      offer(bench, 2, { change: { digest } });
      await turn();
      assertEquals(outcome, digest === DIGEST ? "handled" : "corrupt");
    }
  }
});

test("StreamingUpload waits for a handler that goes on after the last byte", async () => {
  let finish = (): void => {};
  const bench = new Bench(async (stream) => {
    await bench.read(stream);
    await new Promise<void>((resolve) => void (finish = resolve));
  });
  let isOver = false;
  void bench.upload.outcome.then(() => void (isOver = true));
  for (const index of [0, 1, 2]) offer(bench, index);
  await turn();
  assertEquals([isOver, bench.upload.isWhole, bench.bytes.length], [false, true, 10]);
  finish();
  await turn();
  assertEquals(isOver, true);
});

test("StreamingUpload fails with what the handler throws, and frees what it holds", async () => {
  for (
    const error of [new Error("disk full"), new PermanentError("no pictures"), "text", undefined]
  ) {
    const bench = new Bench(async () => {
      await turn();
      throw error;
    });
    offer(bench, 0);
    offer(bench, 2);
    assertEquals(bench.upload.bufferedBytes, 6);
    const outcome = await bench.upload.outcome;
    assert(outcome.type === "failed");
    assertStrictEquals(outcome.error, error);
    assertEquals(outcome.permanent, error instanceof PermanentError);
    assertEquals([bench.upload.bufferedBytes, bench.buffer.used], [0, 0]);
    assertEquals(bench.context!.signal.aborted, true);
    assertEquals(offer(bench, 1), "duplicate");
    await bench.upload.settled;
  }
});

test("StreamingUpload fails when the handler throws at once, without a promise", async () => {
  const bench = new Bench(() => {
    throw new TypeError("not a function");
  });
  assertEquals((await bench.upload.outcome).type, "failed");
});

test("StreamingUpload gives up a handler that makes no progress for handlerTimeout", async () => {
  const world = new World();
  const timers = world.timers(() => true);
  const pass = async (ms: number): Promise<void> => {
    await turn();
    const until = world.now + ms;
    world.at(until, () => {});
    world.run(until, () => false);
    await turn();
  };
  let step = (): void => {};
  const bench = new Bench(async (stream) => {
    for await (const chunk of stream) {
      bench.chunks.push(chunk);
      await new Promise<void>((resolve) => void (step = resolve));
    }
    await never();
  }, { handlerTimeout: 1_000, timers });
  let outcome: Awaited<StreamingUpload["outcome"]> | undefined;
  void bench.upload.outcome.then((ended) => void (outcome = ended));
  await pass(5_000); // it waits for the sender: that does not count
  assertEquals(outcome, undefined);
  for (const index of [0, 1, 2]) {
    offer(bench, index);
    await pass(900);
    step();
    await pass(0);
    assertEquals([outcome, bench.chunks.length], [undefined, index + 1]);
  }
  await pass(999);
  assertEquals(outcome, undefined);
  await pass(2);
  assert(outcome?.type === "failed");
  assertInstanceOf(outcome.error, HandlerTimeoutError);
  assertEquals([outcome.error.timeout, outcome.permanent], [1_000, false]);
  assertStrictEquals(bench.context!.signal.reason, outcome.error);
});

test("StreamingUpload gives up a handler that never reads", async () => {
  const bench = new Bench(never, { handlerTimeout: 20 });
  offer(bench, 0);
  const outcome = await bench.upload.outcome;
  assert(outcome.type === "failed");
  assertInstanceOf(outcome.error, HandlerTimeoutError);
  assertEquals([bench.upload.bufferedBytes, bench.buffer.used], [0, 0]);
});

test("StreamingUpload.abandon() errors the stream, aborts the signal, and frees what is held", async () => {
  let error: unknown;
  const bench = new Bench(async (stream) => {
    await bench.read(stream).catch((thrown) => void (error = thrown));
  });
  await turn();
  offer(bench, 0);
  offer(bench, 2);
  await turn();
  const reason = new Error("stopped");
  bench.upload.abandon(reason);
  bench.upload.abandon(new Error("again"));
  assertEquals(await bench.upload.outcome, { type: "abandoned", reason });
  await bench.upload.settled;
  assertStrictEquals(error, reason);
  assertStrictEquals(bench.context!.signal.reason, reason);
  assertEquals([bench.bytes, bench.buffer.used], [[1, 1, 1, 1], 0]);
});

test("StreamingUpload.abandon() keeps a handler from starting that has not", async () => {
  const bench = new Bench();
  bench.upload.abandon(new Error("at once"));
  await bench.upload.settled;
  assertEquals([(await bench.upload.outcome).type, bench.context], ["abandoned", undefined]);
});

test("StreamingUpload takes an empty payload", async () => {
  const info = infoOf(0, { chunkCount: 1, totalSize: 0 });
  const bench = new Bench(undefined, { info, chunkSize: 0 });
  assertEquals(offer(bench, 0, { change: info, data: bytes(0) }), "taken");
  const digest = await digestOf(bytes(0));
  assertEquals(await bench.upload.outcome, { type: "handled", digest });
  assertEquals([bench.chunks, bench.buffer.used], [[], 0]);
});

test("StreamingUpload works for streams that are piped, teed or read one by one", async () => {
  const handlers: ((stream: ReadableStream<Uint8Array>) => Promise<number>)[] = [
    async (stream) => (await new Response(stream).arrayBuffer()).byteLength,
    async (stream) => {
      let size = 0;
      const write = (chunk: Uint8Array): void => void (size += chunk.length);
      await stream.pipeTo(new WritableStream({ write }));
      return size;
    },
    async (stream) => {
      const reader = stream.getReader();
      // Several reads at once, of which the last ones find the end.
      const reads = await Promise.all(Array.from({ length: 5 }, () => reader.read()));
      return reads.reduce((sum, { value }) => sum + (value?.length ?? 0), 0);
    },
    async (stream) => {
      const sizes = stream.tee().map(async (branch) =>
        (await new Response(branch).arrayBuffer()).byteLength
      );
      return (await Promise.all(sizes)).reduce((sum, size) => sum + size) / 2;
    },
  ];
  for (const read of handlers) {
    let size = 0;
    const bench = new Bench(async (stream) => void (size = await read(stream)));
    for (const index of [0, 2, 1]) {
      await turn();
      offer(bench, index);
    }
    assertEquals((await bench.upload.outcome).type, "handled");
    assertEquals([size, bench.buffer.used], [10, 0]);
  }
});

test("StreamingUpload gets everything through any loss, repeat and order, in any buffer", async () => {
  const property = fc.asyncProperty(
    fc.integer({ min: 1, max: 3_000 }),
    fc.integer({ min: 1, max: 700 }),
    fc.integer({ min: 1, max: 3_000 }),
    fc.infiniteStream(fc.nat()),
    async (totalSize, chunkSize, size, picks) => {
      const data = payloadOf(totalSize);
      const chunkCount = Math.ceil(totalSize / chunkSize);
      const info = infoOf(0, { chunkCount, totalSize, digest: await digestOf(data) });
      const most: number[] = [];
      const bench = new Bench(undefined, {
        info,
        chunkSize: chunkCount === 1 ? totalSize : chunkSize,
        size,
      });
      let outcome: string | undefined;
      void bench.upload.outcome.then(({ type }) => void (outcome = type));
      const pick = (): number => picks.next().value!;
      for (let round = 0; outcome === undefined; round++) {
        // What was dropped is sent again, lowest first as a sender does, with others before it by chance.
        const index = pick() % 3 === 0 ? bench.upload.next : pick() % chunkCount;
        if (index < chunkCount && pick() % 4 > 0) {
          const part = data.subarray(index * chunkSize, (index + 1) * chunkSize);
          bench.upload.offer({ ...info, index }, part);
        }
        most.push(bench.buffer.used);
        if (pick() % 3 === 0) await Promise.resolve();
        if (round % 50 === 49) await turn();
      }
      assertEquals(outcome, "handled");
      assertEquals(bench.bytes, [...data]);
      assert(Math.max(...most) <= size + Math.max(512, chunkSize));
      assertEquals(bench.buffer.used, 0);
    },
  );
  await fc.assert(property, { numRuns: 60 });
});
