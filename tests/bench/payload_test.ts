import process from "node:process";
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { createPayload, cut, sha256 } from "../../bench/payload.ts";
import { peakMemory, startResources } from "../../bench/resources.ts";
import { warmUpSize } from "../../bench/warm_up.ts";

test("createPayload() makes the same bytes for the same size", () => {
  for (const size of [1, 65_535, 65_536, 65_539, 1_000_003]) {
    const payload = createPayload(size);
    assertEquals(payload.length, size);
    assertEquals(sha256(payload), sha256(createPayload(size)));
  }
});

test("createPayload() makes every chunk different, so that exchanged ones show", () => {
  const chunks = cut(createPayload(4_000_000), 200_000);
  assertEquals(new Set(chunks.map(sha256)).size, 20);
  const aligned = cut(createPayload(4_194_304), 65_536);
  assertEquals(new Set(aligned.map(sha256)).size, 64);
});

test("createPayload() is not compressible to nothing: all byte values are there, equally often", () => {
  const counts = new Array<number>(256).fill(0);
  for (const byte of createPayload(65_536)) counts[byte]!++;
  assert(Math.min(...counts) > 150 && Math.max(...counts) < 400, counts.join(" "));
});

test("cut() keeps all bytes in order, and an empty payload as one chunk", () => {
  const payload = createPayload(1_001);
  const chunks = cut(payload, 250);
  assertEquals(chunks.map(({ length }) => length), [250, 250, 250, 250, 1]);
  assertEquals(chunks.flatMap((chunk) => [...chunk]), [...payload]);
  assertEquals(cut(new Uint8Array(), 250).map(({ length }) => length), [0]);
  assertEquals(cut(createPayload(500), 250).length, 2);
});

test("peakMemory() counts what was used once and is free again", () => {
  const before = peakMemory();
  assert(before > 10e6, `${before} bytes is too little for a runtime`);
  // Other tests of the same process may have used more than is used now.
  const below = Math.max(0, before - process.memoryUsage().rss);
  assert(new Uint8Array(below + 200_000_000).fill(1).at(-1) === 1);
  const grown = peakMemory() - before;
  assert(grown > 100e6 && grown < 400e6, `grew by ${grown}, wanted are about 200,000,000 bytes`);
});

test("startResources() counts the processor time from its start on", () => {
  const first = startResources();
  const until = performance.now() + 100;
  while (performance.now() < until) createPayload(1_000);
  const second = startResources();
  const [whole, rest] = [first().cpuMs, second().cpuMs];
  assert(whole > 10 && whole < 5_000, `${whole} ms, wanted are about 100`);
  assert(rest < whole, `${rest} ms since the second start, ${whole} since the first`);
});

test("warmUpSize() is a small part of what is measured, and never nothing", () => {
  assertEquals([1e9, 100e6, 4, 1].map(warmUpSize), [64e6, 25e6, 1, 1]);
});
