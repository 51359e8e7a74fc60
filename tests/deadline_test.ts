import { test } from "node:test";
import { assertEquals, assertRejects } from "@std/assert";
import { withDeadline } from "../src/_deadline.ts";

class LateError extends Error {}

const onTimeout = (): Error => new LateError("late");

test("withDeadline() resolves and rejects as the work does", async () => {
  assertEquals(await withDeadline(Promise.resolve(7), { timeout: 1_000, onTimeout }), 7);
  await assertRejects(
    () => withDeadline(Promise.reject(new TypeError("bad")), { timeout: 1_000, onTimeout }),
    TypeError,
    "bad",
  );
});

test("withDeadline() rejects with its own error when the time is over", async () => {
  const never = new Promise<void>(() => {});
  await assertRejects(() => withDeadline(never, { timeout: 5, onTimeout }), LateError, "late");
});

test("withDeadline() rejects with the signal's reason", async () => {
  const never = new Promise<void>(() => {});
  const abort = new AbortController();
  const waiting = assertRejects(
    () => withDeadline(never, { timeout: 60_000, signal: abort.signal, onTimeout }),
    RangeError,
    "enough",
  );
  abort.abort(new RangeError("enough"));
  await waiting;
  await assertRejects(
    () => withDeadline(Promise.resolve(1), { timeout: 1_000, signal: abort.signal, onTimeout }),
    RangeError,
    "enough",
  );
});

test("withDeadline() leaves nobody listening, and no rejection unheard", async () => {
  const abort = new AbortController();
  let listeners = 0;
  const add = abort.signal.addEventListener.bind(abort.signal);
  const remove = abort.signal.removeEventListener.bind(abort.signal);
  abort.signal.addEventListener = (...args: Parameters<typeof add>) => (listeners++, add(...args));
  abort.signal.removeEventListener = (...args: Parameters<typeof remove>) => (
    listeners--, remove(...args)
  );
  await withDeadline(Promise.resolve(), { timeout: 1_000, signal: abort.signal, onTimeout });
  assertEquals(listeners, 0);

  const work = Promise.withResolvers<void>();
  await assertRejects(() => withDeadline(work.promise, { timeout: 1, onTimeout }), LateError);
  work.reject(new Error("nobody waits for this any more")); // must not end the process
  await new Promise((resolve) => setTimeout(resolve, 5));
});

test("withDeadline() takes timeouts that timers cannot keep", async () => {
  const work = new Promise((resolve) => setTimeout(resolve, 10, "done"));
  assertEquals(await withDeadline(work, { timeout: Infinity, onTimeout }), "done");
});
