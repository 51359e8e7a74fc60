import { test } from "node:test";
import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { Budget } from "../src/_budget.ts";

/** Acquires, and writes down when it was let in. */
function acquire(budget: Budget, weight: number, log: string[], name: string): Promise<void> {
  return budget.acquire(weight).then(() => void log.push(name));
}

/** Lets everything that is settled be noticed. */
function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

test("Budget.acquire() lets in what fits, and the rest first come first served", async () => {
  const budget = new Budget(10);
  const log: string[] = [];
  void acquire(budget, 6, log, "a");
  void acquire(budget, 6, log, "b");
  void acquire(budget, 1, log, "c"); // would fit, but b is first
  await settle();
  assertEquals([log, budget.used], [["a"], 6]);
  budget.release(6);
  await settle();
  assertEquals([log, budget.used], [["a", "b", "c"], 7]);
});

test("Budget.acquire() lets a weight above the whole size in alone", async () => {
  const budget = new Budget(10);
  const log: string[] = [];
  void acquire(budget, 1, log, "small");
  void acquire(budget, 50, log, "heavy");
  void acquire(budget, 1, log, "after");
  await settle();
  assertEquals(log, ["small"]);
  budget.release(1);
  await settle();
  assertEquals([log, budget.used], [["small", "heavy"], 50]);
  budget.release(50);
  await settle();
  assertEquals([log, budget.used], [["small", "heavy", "after"], 1]);
});

test("Budget.acquire() rejects with the signal's reason and holds nothing then", async () => {
  const budget = new Budget(10);
  const log: string[] = [];
  const abort = new AbortController();
  await budget.acquire(8);
  const aborted = assertRejects(() => budget.acquire(5, abort.signal), Error, "enough");
  void acquire(budget, 2, log, "behind");
  await settle();
  assertEquals(log, []);
  abort.abort(new Error("enough"));
  await aborted;
  await settle();
  assertEquals([log, budget.used], [["behind"], 10]);
  await assertRejects(() => budget.acquire(1, abort.signal), Error, "enough");
  assertEquals(budget.used, 10);
});

test("Budget.acquire() is over for the signal once it is let in", async () => {
  const budget = new Budget(10);
  const abort = new AbortController();
  await budget.acquire(10);
  const late = budget.acquire(3, abort.signal);
  budget.release(10);
  await late;
  abort.abort();
  assertEquals(budget.used, 3);
  budget.release(3);
  await budget.acquire(10);
  assertEquals(budget.used, 10);
});

test("Budget.resize() lets more in, or keeps others out for longer", async () => {
  const budget = new Budget(10);
  const log: string[] = [];
  await budget.acquire(10);
  void acquire(budget, 5, log, "a");
  budget.resize(15);
  await settle();
  assertEquals([log, budget.used, budget.size], [["a"], 15, 15]);
  budget.resize(4);
  void acquire(budget, 2, log, "b");
  budget.release(12);
  await settle();
  assertEquals([log, budget.used], [["a"], 3]);
  budget.release(1);
  await settle();
  assertEquals([log, budget.used], [["a", "b"], 4]);
});

test("Budget.adjust() holds without waiting, and lets others in when it holds less", async () => {
  const budget = new Budget(10);
  const log: string[] = [];
  budget.adjust(12);
  void acquire(budget, 4, log, "a");
  await settle();
  assertEquals([log, budget.used], [[], 12]);
  budget.adjust(-6);
  await settle();
  assertEquals([log, budget.used], [["a"], 10]);
});

test("Budget never lets in more than its size, but for one weight alone, and leaves nobody out", async () => {
  const weights = fc.array(fc.integer({ min: 1, max: 15 }), { maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(weights, async (all) => {
      const budget = new Budget(10);
      const held: number[] = [];
      const admitted: number[] = [];
      for (const [index, weight] of all.entries()) {
        void budget.acquire(weight).then(() => (held.push(weight), admitted.push(index)));
      }
      while (admitted.length < all.length || held.length > 0) {
        await settle();
        assertEquals(budget.used, held.reduce((sum, weight) => sum + weight, 0));
        assert(budget.used <= 10 || held.length === 1);
        assert(held.length > 0, "somebody waits although nothing is held");
        budget.release(held.shift()!);
      }
      assertEquals(admitted, all.map((_, index) => index));
    }),
    { numRuns: 30 },
  );
});
