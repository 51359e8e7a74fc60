import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { marksByRound, ratiosByRound, rotated, summarize } from "../../bench/statistics.ts";

test("summarize() takes the value in the middle, and leaves its argument as it was", () => {
  const values = [30, 1_000, 10];
  assertEquals(summarize(values), { median: 30, min: 10, max: 1_000 });
  assertEquals(values, [30, 1_000, 10]);
});

test("summarize() takes the mean of the two in the middle when the number is even", () => {
  assertEquals(summarize([4, 1, 2, 100]), { median: 3, min: 1, max: 100 });
});

test("summarize() sorts by size, not as text", () => {
  assertEquals(summarize([9, 10, 100])?.median, 10);
});

test("summarize() has nothing to say of no figures", () => {
  assertEquals(summarize([]), undefined);
});

test("ratiosByRound() compares only figures of the same round", () => {
  assertEquals(ratiosByRound([10, undefined, 30, 8], [5, 1, undefined, 16]), [2, 0.5]);
});

test("ratiosByRound() is steady when rounds differ and contenders do not", () => {
  const slowAndFast = [100, 400, 50];
  assertEquals(summarize(ratiosByRound([90, 360, 45], slowAndFast))?.median, 0.9);
});

test("rotated() lets another one go first in each round, and everybody once", () => {
  const turns = [0, 1, 2, 3].map((round) => rotated(["a", "b", "c"], round).join(""));
  assertEquals(turns, ["abc", "bca", "cab", "abc"]);
  assertEquals(rotated([], 5), []);
});

test("marksByRound() takes the fastest of each round, and no more than another one", () => {
  const [a, b] = [[10, 20, 30, 40], [15, 10, undefined, 50]];
  assertEquals(marksByRound([a, b]), [15, 20, undefined, 50]);
  assertEquals(marksByRound([a, b], [12, undefined, 99, 99]), [12, undefined, undefined, 50]);
  assertEquals(marksByRound([a]), a);
  assertEquals(marksByRound([]), []);
});
