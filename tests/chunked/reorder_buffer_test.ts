import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { Budget } from "../../src/_budget.ts";
import { ReorderBuffer } from "../../src/chunked/_receive/reorder_buffer.ts";
import { bytes } from "./_chunks.ts";

function setUp(size = 10_000): {
  budget: Budget;
  buffer: ReorderBuffer;
  put: (index: number, length?: number) => number[];
} {
  const budget = new Budget(size);
  const buffer = new ReorderBuffer(budget);
  const put = (index: number, length = 1_000): number[] => {
    const next: number[] = [];
    buffer.add(index, bytes(length, index), (data) => void next.push(data[0]!));
    return next;
  };
  return { budget, buffer, put };
}

test("ReorderBuffer tells of each chunk once, in order, when nothing before it is missing", () => {
  const { buffer, put } = setUp();
  assertEquals([put(2), put(1), put(0), put(4), put(3)], [[], [], [0, 1, 2], [], [3, 4]]);
  assertEquals([buffer.next, buffer.bytes, buffer.waitingBytes], [5, 5_000, 5_000]);
  assertEquals([0, 1, 2, 3, 4].map(() => buffer.take()![0]), [0, 1, 2, 3, 4]);
  assertEquals([buffer.take(), buffer.bytes], [undefined, 0]);
});

test("ReorderBuffer.take() stops before a gap", () => {
  const { buffer, put } = setUp();
  put(0);
  put(2);
  assertEquals([buffer.take()?.[0], buffer.take()], [0, undefined]);
  assertEquals([buffer.bytes, buffer.waitingBytes, buffer.gaps(64)], [1_000, 0, [[1, 1]]]);
  assertEquals([buffer.has(0), buffer.has(1), buffer.has(2)], [true, false, true]);
});

test("ReorderBuffer.gaps() lists at most so many", () => {
  const { buffer, put } = setUp();
  for (const index of [9, 3, 7, 5, 4]) put(index);
  assertEquals(buffer.gaps(64), [[0, 2], [6, 6], [8, 8]]);
  assertEquals(buffer.gaps(2), [[0, 2], [6, 6]]);
});

test("ReorderBuffer holds its bytes of the budget until they are taken out, or dropped", () => {
  const { buffer, budget, put } = setUp();
  put(0);
  put(1, 4);
  put(3);
  assertEquals([budget.used, buffer.bytes], [2_512, 2_004]);
  buffer.take();
  assertEquals(budget.used, 1_512);
  buffer.clear();
  assertEquals([budget.used, buffer.bytes, buffer.waitingBytes], [0, 0, 0]);
});

test("ReorderBuffer.hasRoom() lets the next chunk through when no other waits to be taken out", () => {
  const { buffer, budget, put } = setUp(4_000);
  put(1);
  budget.adjust(10_000);
  assertEquals([buffer.hasRoom(0, 1_000, 0), buffer.hasRoom(2, 1_000, 0)], [true, false]);
  put(0);
  assertEquals(buffer.hasRoom(2, 1_000, 0), false);
  assertEquals(buffer.hasRoom(2, 1_000, 9_000), true);
  assertEquals(buffer.hasRoom(3, 1_000, 9_000), false); // early, and more than half full
  assertEquals(buffer.hasRoom(3, 1_000, 11_000), true);
});

test("ReorderBuffer.compact() copies what is a small part of a larger read", () => {
  const { buffer } = setUp();
  const read = bytes(10_000);
  buffer.add(0, read.subarray(0, 1_000), () => {});
  buffer.add(1, read.subarray(0, 5_000), () => {});
  buffer.compact(0);
  buffer.compact(1);
  assertEquals([buffer.take(), buffer.take()].map((data) => data!.buffer.byteLength), [
    1_000,
    10_000,
  ]);
});
