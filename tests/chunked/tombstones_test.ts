import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { type Ending, Tombstones } from "../../src/chunked/_intake/tombstones.ts";

function complete(at: number): Ending {
  return { status: "complete", reason: undefined, chunkCount: 1, at };
}

function rejected(at: number): Ending {
  return { status: "rejected", reason: "digest", chunkCount: 1, at };
}

test("Tombstones remember a complete id for ten minutes", () => {
  const ended = new Tombstones();
  ended.add("a", complete(1_000));
  assertEquals(ended.get("a", true, 600_999)?.status, "complete");
  assertEquals(ended.get("a", false, 601_000), undefined);
  assertEquals(ended.get("b", true, 0), undefined);
});

test("Tombstones let a rejected id begin anew after ten seconds, with an ask or chunk 0", () => {
  const ended = new Tombstones();
  ended.add("a", rejected(1_000));
  assertEquals(ended.get("a", true, 10_999)?.reason, "digest");
  assertEquals(ended.get("a", false, 100_000)?.reason, "digest");
  assertEquals(ended.get("a", true, 11_000), undefined);
  assertEquals(ended.get("a", false, 11_001), undefined);
});

test("Tombstones count from the last time that an id ended", () => {
  const ended = new Tombstones();
  ended.add("a", rejected(0));
  ended.add("a", rejected(9_000));
  assertEquals(ended.get("a", true, 12_000)?.status, "rejected");
  ended.add("a", complete(13_000));
  assertEquals(ended.get("a", true, 600_000)?.status, "complete");
});

test("Tombstones keep 100,000 complete and 10,000 rejected ids, apart from each other", () => {
  const ended = new Tombstones();
  for (let i = 0; i <= 100_000; i++) ended.add(`c${i}`, complete(i / 1_000));
  for (let i = 0; i <= 10_000; i++) ended.add(`r${i}`, rejected(200));
  assertEquals(ended.get("c0", true, 300), undefined);
  assertEquals(ended.get("c1", true, 300)?.status, "complete");
  assertEquals(ended.get("r0", true, 300), undefined);
  assertEquals(ended.get("r1", true, 300)?.status, "rejected");
});
