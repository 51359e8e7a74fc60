import { test } from "node:test";
import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { toRangeSource } from "../src/_source.ts";

const BYTES = Uint8Array.of(1, 2, 3, 4, 5);

test("toRangeSource() reads ranges of bytes without copying them", async () => {
  const whole = Uint8Array.of(9, 9, ...BYTES, 9);
  const source = toRangeSource("source", whole.subarray(2, 7));
  assertEquals([source.size, source.name, source.contentType], [5, undefined, undefined]);
  assertEquals(await source.read(1, 4), Uint8Array.of(2, 3, 4));
  assertEquals(await source.read(5, 5), new Uint8Array());
  assertStrictEquals((await source.read(0, 5)).buffer, whole.buffer);
});

test("toRangeSource() reads ranges of a Blob, as often as needed, with its type", async () => {
  const source = toRangeSource("source", new Blob([BYTES], { type: "Application/X-Test" }));
  assertEquals([source.size, source.name], [5, undefined]);
  assertEquals(source.contentType, "application/x-test");
  assertEquals(await source.read(3, 5), Uint8Array.of(4, 5));
  assertEquals(await source.read(0, 2), Uint8Array.of(1, 2));
  assertEquals(await source.read(0, 2), Uint8Array.of(1, 2));
});

test("toRangeSource() knows the name of a File, and none where it is empty", () => {
  assertEquals(toRangeSource("source", new File([BYTES], "five.bin")).name, "five.bin");
  const bare = toRangeSource("source", new File([BYTES], ""));
  assertEquals([bare.name, bare.contentType], [undefined, undefined]);
});

test("toRangeSource() refuses anything else by name", () => {
  const cases: [unknown, string][] = [
    [undefined, "undefined"],
    [null, "null"],
    ["text", "a string"],
    [BYTES.buffer, "an ArrayBuffer"],
    [[1, 2], "an Array"],
    [new Uint16Array(2), "a Uint16Array"],
    [Object.create(null), "an object"],
  ];
  for (const [source, found] of cases) {
    const error = assertThrows(() => toRangeSource("source", source as Uint8Array), TypeError);
    assertEquals(error.message, `source is ${found}, wanted is a Uint8Array or a Blob`);
  }
});
