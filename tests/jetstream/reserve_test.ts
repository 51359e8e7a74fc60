import { assert, assertEquals, assertRejects } from "@std/assert";
import { test } from "node:test";
import { Budget } from "../../src/_budget.ts";
import { reserve } from "../../src/_jetstream/reserve.ts";

const { signal } = new AbortController();

test("reserve() takes what is wanted when there is room", async () => {
  const budget = new Budget(100);
  assertEquals(await reserve(budget, { wanted: 60, least: 10 }, signal), 60);
  assertEquals(budget.used, 60);
});

test("reserve() waits for room", async () => {
  const budget = new Budget(100);
  budget.adjust(90);
  const reserving = reserve(budget, { wanted: 60, least: 10 }, signal);
  budget.release(50);
  assertEquals(await reserving, 60);
  assertEquals(budget.used, 100);
});

test("reserve() goes on with the least after two seconds without room", async () => {
  const budget = new Budget(100);
  budget.adjust(90);
  const start = performance.now();
  assertEquals(await reserve(budget, { wanted: 60, least: 20 }, signal), 20);
  const took = performance.now() - start;
  assert(took > 1_900 && took < 4_000, `took ${took} ms`);
  assertEquals(budget.used, 110);
});

test("reserve() holds nothing when it is aborted", async () => {
  const budget = new Budget(100);
  budget.adjust(90);
  const stop = new AbortController();
  const reserving = reserve(budget, { wanted: 60, least: 20 }, stop.signal);
  stop.abort(new Error("enough"));
  await assertRejects(() => reserving, Error, "enough");
  await assertRejects(
    () => reserve(budget, { wanted: 1, least: 1 }, stop.signal),
    Error,
    "enough",
  );
  assertEquals(budget.used, 90);
});
