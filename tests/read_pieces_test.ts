import { test } from "node:test";
import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { readPieces } from "../src/_read_pieces.ts";

/** A stream of these pieces that stays open after them, and what it is cancelled with. */
function openStream(...pieces: unknown[]): {
  stream: ReadableStream<Uint8Array>;
  cancelled: Promise<unknown>;
} {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  const stream = new ReadableStream({
    start: (controller) => {
      for (const piece of pieces) controller.enqueue(piece);
    },
    cancel: resolve,
  });
  return { stream, cancelled: promise };
}

async function collect(
  stream: ReadableStream<Uint8Array>,
  signal?: AbortSignal,
): Promise<number[]> {
  const found: number[] = [];
  for await (const piece of readPieces(stream, signal)) found.push(...piece);
  return found;
}

test("readPieces() gives the pieces as they are, and frees the stream at its end", async () => {
  const stream = new Blob([Uint8Array.of(1, 2, 3)]).stream();
  assertEquals(await collect(stream), [1, 2, 3]);
  assertEquals(stream.locked, false);
});

test("readPieces() rejects with the error of the stream", async () => {
  const reason = new Error("torn");
  const stream = new ReadableStream({ start: (controller) => controller.error(reason) });
  assertStrictEquals(await assertRejects(() => collect(stream)), reason);
});

test("readPieces() ends a read that waits, and cancels the stream, when the signal aborts", async () => {
  const reason = new Error("enough");
  const abort = new AbortController();
  const { stream, cancelled } = openStream(Uint8Array.of(1));
  const pieces = readPieces(stream, abort.signal);
  assertEquals((await pieces.next()).value, Uint8Array.of(1));
  const next = pieces.next();
  abort.abort(reason);
  assertStrictEquals(await assertRejects(() => next), reason);
  assertStrictEquals(await cancelled, reason);
  assertEquals(stream.locked, false);
});

test("readPieces() gives nothing after an abort, although there is more", async () => {
  const reason = new Error("enough");
  const { stream, cancelled } = openStream(Uint8Array.of(1));
  assertStrictEquals(await assertRejects(() => collect(stream, AbortSignal.abort(reason))), reason);
  assertStrictEquals(await cancelled, reason);
});

test("readPieces() cancels the stream when the loop is left early", async () => {
  const { stream, cancelled } = openStream(Uint8Array.of(1), Uint8Array.of(2));
  for await (const piece of readPieces(stream)) {
    assertEquals(piece, Uint8Array.of(1));
    break;
  }
  await cancelled;
  assertEquals(stream.locked, false);
});

test("readPieces() does not wait for a stream that takes its time to be cancelled", async () => {
  const stream = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(Uint8Array.of(1)),
    cancel: () => new Promise<void>(() => {}),
  });
  for await (const _piece of readPieces(stream)) break;
  assertEquals(stream.locked, false);
});

test("readPieces() refuses pieces that are no bytes", async () => {
  const { stream, cancelled } = openStream("text");
  await assertRejects(
    () => collect(stream),
    TypeError,
    "the stream has a string, wanted are Uint8Arrays",
  );
  await cancelled;
});
