import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { giveBackBody, takeBody } from "../src/_body_pool.ts";

const MiB = 1024 * 1024;

test("takeBody() gives memory of the wanted length, and what was given back again", () => {
  const first = takeBody(300_001);
  assertEquals(first.length, 300_001);
  giveBackBody(first.subarray(5)); // a view of it, as the parser makes one of every body
  const second = takeBody(300_100); // differs by what the headers count up to
  assertEquals(second.length, 300_100);
  assert(second.buffer === first.buffer, "the memory is not used again");
  assert(takeBody(300_001).buffer !== first.buffer, "memory in use was given twice");
});

test("giveBackBody() takes each body once, and no bytes of others", () => {
  const body = takeBody(500_000);
  giveBackBody(body);
  giveBackBody(body);
  const [again, other] = [takeBody(500_000), takeBody(500_000)];
  assert(again.buffer === body.buffer);
  assert(other.buffer !== body.buffer, "the same memory was kept twice");

  const strange = new Uint8Array(takeBody(500_000).buffer.byteLength);
  giveBackBody(strange);
  assert(takeBody(500_000).buffer !== strange.buffer);
});

test("giveBackBody() keeps no more than 16 MiB", () => {
  const bodies = Array.from({ length: 20 }, () => takeBody(2 * MiB));
  const given = new Set(bodies.map(({ buffer }) => buffer));
  for (const body of bodies) giveBackBody(body);
  const taken = Array.from({ length: 20 }, () => takeBody(2 * MiB));
  assertEquals(taken.filter(({ buffer }) => given.has(buffer)).length, 8);
});

test("takeBody() leaves small bodies to the runtime", () => {
  const small = takeBody(1_000);
  assertEquals([small.length, small.buffer.byteLength], [1_000, 1_000]);
  giveBackBody(small);
  assert(takeBody(1_000).buffer !== small.buffer);
});
