import { test } from "node:test";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import fc from "fast-check";
import { iteratorOf, PulledBytes, type ReadBounds, readerOf } from "../src/_pull_source.ts";
import { NoProgressError, SourceError } from "../src/errors.ts";
import { piecesOf, thenHangs, thenThrows, watchedStream } from "./chunked/_sources.ts";
import { payloadOf } from "./chunked/_support.ts";

const BOUNDS: ReadBounds = { timeout: 10_000, signal: undefined };

async function* listed(...pieces: unknown[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield piece as Uint8Array;
}

const bytesOf = (...values: number[]): Uint8Array => Uint8Array.from(values);

test("PulledBytes gives the same bytes in any sizes, from pieces of any sizes", async () => {
  const sizes = fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(
      fc.nat({ max: 200 }),
      sizes,
      sizes,
      fc.boolean(),
      async (size, given, wanted, web) => {
        const data = payloadOf(size);
        const pieces = piecesOf(data, [...given, 1]);
        const reader = web ? readerOf(watchedStream(pieces).stream) : iteratorOf(pieces);
        const pulled = new PulledBytes(reader, size, BOUNDS);
        const got: number[] = [];
        for (let at = 0, turn = 0; at < size; turn++) {
          const length = Math.min(size - at, [...wanted, 1][turn % (wanted.length + 1)]!);
          const bytes = await pulled.take(length);
          assertEquals(bytes.length, length);
          got.push(...bytes);
          at += length;
        }
        await pulled.expectEnd();
        await pulled.close(undefined);
        assertEquals(bytesOf(...got), data);
      },
    ),
    { numRuns: 100 },
  );
});

test("PulledBytes does not copy what lies within one piece, and gives it at once where it is there", async () => {
  const whole = payloadOf(30);
  const pulled = new PulledBytes(iteratorOf(listed(whole)), 30, BOUNDS);
  const first = pulled.take(10);
  assert(first instanceof Promise);
  assertStrictEquals((await first).buffer, whole.buffer);
  const second = pulled.take(20);
  assert(second instanceof Uint8Array);
  assertStrictEquals(second.buffer, whole.buffer);
  assertEquals(second, whole.subarray(10));
});

test("PulledBytes fills its own buffers again, but never a piece of the source", async () => {
  const data = payloadOf(60);
  const pulled = new PulledBytes(iteratorOf(piecesOf(data, [3])), 60, BOUNDS);
  const first = await pulled.take(10);
  const second = await pulled.take(10);
  assert(first !== second);
  pulled.recycle(first);
  pulled.recycle(first);
  const third = await pulled.take(10);
  assertStrictEquals(third, first);
  assertEquals([second, third], [data.subarray(10, 20), data.subarray(20, 30)]);
  assert(await pulled.take(10) !== first);
  pulled.recycle(third);
  assertEquals((await pulled.take(7)).length, 7);

  const pieces = [payloadOf(10), payloadOf(20)];
  const copied = pieces.map((piece) => piece.slice());
  const whole = new PulledBytes(iteratorOf(listed(...pieces, payloadOf(10))), 40, BOUNDS);
  for (let turn = 0; turn < 3; turn++) whole.recycle(await whole.take(10));
  await whole.take(10);
  assertEquals(pieces, copied);
});

test("PulledBytes names both sizes when the source ends early, gives more, or something else", async () => {
  const cases: [AsyncGenerator<Uint8Array>, number, string][] = [
    [listed(bytesOf(1, 2, 3)), 3, "the source ended early: it gave 3 bytes, its size says 5"],
    [listed(bytesOf(1, 2, 3), bytesOf(4, 5, 6)), 6, "gave more than it should: it gave 6 bytes"],
    [listed(bytesOf(1), "text"), 1, "gave a string in place of a Uint8Array: it gave 1 bytes"],
    [listed(bytesOf(1), undefined), 1, "gave undefined in place of a Uint8Array"],
    [listed(new Uint16Array(5)), 0, "gave a Uint16Array in place of a Uint8Array"],
  ];
  for (const [pieces, actual, words] of cases) {
    const pulled = new PulledBytes(iteratorOf(pieces), 5, BOUNDS);
    const error = await assertRejects(async () => {
      await pulled.take(5);
      await pulled.expectEnd();
    }, SourceError);
    assertStringIncludes(error.message, words);
    assertEquals([error.expectedSize, error.actualSize], [5, actual]);
  }
});

test("PulledBytes finds what comes after the last byte, but for empty pieces", async () => {
  const late = new PulledBytes(iteratorOf(listed(bytesOf(1, 2), bytesOf(3))), 2, BOUNDS);
  assertEquals(await late.take(2), bytesOf(1, 2));
  const error = await assertRejects(() => late.expectEnd(), SourceError);
  assertEquals([error.expectedSize, error.actualSize], [2, 3]);

  const empty = bytesOf();
  const padded = new PulledBytes(
    iteratorOf(listed(empty, bytesOf(1), empty, empty, bytesOf(2), empty)),
    2,
    BOUNDS,
  );
  assertEquals(await padded.take(2), bytesOf(1, 2));
  await padded.expectEnd();
});

test("PulledBytes hands on what the source throws as the cause", async () => {
  const thrown = new Error("the disk is gone");
  const pulled = new PulledBytes(iteratorOf(thenThrows(bytesOf(1, 2), thrown)), 5, BOUNDS);
  const error = await assertRejects(async () => await pulled.take(5), SourceError);
  assertStrictEquals(error.cause, thrown);
  assertEquals(
    error.message,
    "the source failed: it gave 2 bytes, its size says 5: the disk is gone",
  );
});

test("PulledBytes waits for the next byte as long as the timeout, and not for the whole", async () => {
  async function* slow(): AsyncGenerator<Uint8Array> {
    for (let n = 0; n < 6; n++) {
      await new Promise((resolve) => setTimeout(resolve, 60));
      yield bytesOf(n);
    }
  }
  const patient = new PulledBytes(iteratorOf(slow()), 6, { timeout: 200, signal: undefined });
  assertEquals(await patient.take(6), bytesOf(0, 1, 2, 3, 4, 5));

  const hanging = new PulledBytes(iteratorOf(thenHangs(bytesOf(1))), 6, {
    timeout: 50,
    signal: undefined,
  });
  const error = await assertRejects(async () => await hanging.take(6), NoProgressError);
  assertEquals([error.timeout, error.message], [50, "reading the source: no progress for 50 ms"]);

  async function* empty(): AsyncGenerator<Uint8Array> {
    for (;;) yield bytesOf();
  }
  const idle = new PulledBytes(iteratorOf(empty()), 6, { timeout: 50, signal: undefined });
  await assertRejects(async () => await idle.take(6), NoProgressError);
  await idle.close(undefined);
});

test("PulledBytes ends a read that hangs with the signal's reason", async () => {
  const controller = new AbortController();
  const reason = new Error("enough");
  const bounds = { timeout: 10_000, signal: controller.signal };
  const pulled = new PulledBytes(iteratorOf(thenHangs(bytesOf(1))), 6, bounds);
  const reading = pulled.take(6);
  controller.abort(reason);
  assertStrictEquals(await Promise.resolve(reading).catch((error) => error), reason);
  const again = await Promise.resolve().then(() => pulled.take(6)).catch((error) => error);
  assertStrictEquals(again, reason);
});

test("PulledBytes.close() cancels a stream and unlocks it, whether it was read or not", async () => {
  for (const wanted of [0, 3]) {
    const watched = watchedStream(piecesOf(payloadOf(10), [3]));
    const pulled = new PulledBytes(readerOf(watched.stream), 10, BOUNDS);
    assertEquals(watched.stream.locked, true);
    await pulled.take(wanted);
    await pulled.close("enough");
    await pulled.close("more than enough");
    assertEquals([watched.cancelled, watched.stream.locked], [["enough"], false]);
  }
});

test("PulledBytes.close() only unlocks a stream that has ended", async () => {
  const watched = watchedStream(piecesOf(payloadOf(10), [3]));
  const pulled = new PulledBytes(readerOf(watched.stream), 10, BOUNDS);
  await pulled.take(10);
  await pulled.expectEnd();
  await pulled.close(undefined);
  assertEquals([watched.cancelled, watched.stream.locked], [[], false]);
});

test("PulledBytes.close() returns an iterator, and does not wait for one that hangs", async () => {
  let returned = 0;
  const pieces = {
    [Symbol.asyncIterator]: () => ({
      next: () => Promise.resolve({ done: false, value: bytesOf(1) }),
      return: () => {
        returned++;
        return new Promise<never>(() => {});
      },
    }),
  };
  const pulled = new PulledBytes(iteratorOf(pieces), 5, BOUNDS);
  await pulled.take(2);
  const startedAt = performance.now();
  await pulled.close(undefined);
  assertEquals(returned, 1);
  assert(performance.now() - startedAt < 3_000);

  const broken = {
    ...pieces[Symbol.asyncIterator](),
    return: () => Promise.reject(new Error("no")),
  };
  await new PulledBytes(iteratorOf({ [Symbol.asyncIterator]: () => broken }), 5, BOUNDS).close(1);
});
