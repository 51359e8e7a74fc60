import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { growth, megabytes, watchMemory } from "../../soak/memory.ts";

function samples(rss: number[]) {
  return rss.map((bytes, at) => ({ at, rss: bytes, heap: 0 }));
}

test("growth() compares the second quarter with the last, so that the start does not count", () => {
  assertEquals(growth(samples([10, 50, 90, 92, 91, 93, 95, 94])), 3);
  assertEquals(growth(samples([10, 10, 90, 92, 50, 50, 80, 70])), -12);
  assertEquals(growth(samples([1, 2])), 0);
});

test("watchMemory() tells the peak and the samples of this process", () => {
  const { peak, samples: [first, last] } = watchMemory()();
  assert(peak >= last!.rss && first!.rss > 10e6 && last!.heap > 1e6, JSON.stringify(last));
  assert(last!.at >= first!.at);
});

test("megabytes() is for people", () => {
  assertEquals(megabytes(149_600_000), "150 MB");
});
