import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { LONGEST_WAIT, Wakeup } from "../src/_wakeup.ts";

test("Wakeup.wait() ends when it rings", async () => {
  const wakeup = new Wakeup();
  const waiting = wakeup.wait(60_000);
  wakeup.ring();
  await waiting;
});

test("Wakeup.wait() ends at once when it rang since the last wait, and only once", async () => {
  const wakeup = new Wakeup();
  wakeup.ring();
  wakeup.ring();
  await wakeup.wait(60_000);
  let isOver = false;
  const second = wakeup.wait(60_000).then(() => isOver = true);
  await new Promise((resolve) => setTimeout(resolve, 5));
  assertEquals(isOver, false);
  wakeup.ring();
  await second;
});

test("Wakeup.wait() ends after its time", async () => {
  const wakeup = new Wakeup();
  const start = performance.now();
  await wakeup.wait(20);
  assert(performance.now() - start >= 15);
  await wakeup.wait(0);
  await wakeup.wait(-5);
});

test("Wakeup.wait() takes times that timers cannot keep", async () => {
  for (const ms of [Infinity, LONGEST_WAIT + 1, Number.MAX_SAFE_INTEGER]) {
    const wakeup = new Wakeup();
    let isOver = false;
    const waiting = wakeup.wait(ms).then(() => isOver = true);
    await new Promise((resolve) => setTimeout(resolve, 5));
    assertEquals(isOver, false);
    wakeup.ring();
    await waiting;
  }
});

test("Wakeup.ring works without its object", async () => {
  const wakeup = new Wakeup();
  const { ring } = wakeup;
  setTimeout(ring, 1);
  await wakeup.wait(60_000);
});
