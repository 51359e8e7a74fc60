import { test } from "node:test";
import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { apiStatus, hasName, isTransient, retryDelay, retryTransient } from "../src/_retry.ts";

function named(name: string, rest: Record<string, unknown> = {}, cause?: unknown): Error {
  return Object.assign(new Error("x", { cause }), { name }, rest);
}

test("retryDelay() doubles up to the maximum, with jitter in its upper half", () => {
  const cases: [number, number][] = [[1, 100], [2, 200], [4, 800], [7, 5_000], [5_000, 5_000]];
  for (const [attempt, most] of cases) {
    const delays = Array.from({ length: 200 }, () => retryDelay(attempt));
    assert(delays.every((delay) => delay >= most / 2 && delay <= most), `attempt ${attempt}`);
    assert(new Set(delays).size > 100, "the delays differ");
  }
  const delay = retryDelay(2, { min: 10, max: 15 });
  assert(delay >= 7.5 && delay <= 15);
});

test("hasName() looks at the error and its causes", () => {
  const error = named("Outer", {}, named("Middle", {}, named("Inner")));
  assertEquals(["Outer", "Middle", "Inner", "Other"].map((name) => hasName(error, name)), [
    true,
    true,
    true,
    false,
  ]);
  assertEquals([hasName("Outer", "Outer"), hasName(undefined, "x")], [false, false]);
});

test("hasName() ends where causes go round in a circle", () => {
  const error = named("Round");
  error.cause = error;
  assertEquals(hasName(error, "Other"), false);
});

test("apiStatus() reads the status of JetStream API errors only", () => {
  assertEquals(apiStatus(named("JetStreamApiError", { status: 404 })), 404);
  assertEquals(apiStatus(named("JetStreamApiError", { status: "404" })), undefined);
  assertEquals(apiStatus(named("Error", { status: 404 })), undefined);
  assertEquals(apiStatus(named("StreamNotFoundError", { status: 404 })), 404);
  assertEquals(apiStatus(named("ConsumerNotFoundError", { status: 404 })), 404);
  assertEquals(apiStatus(named("Outer", {}, named("JetStreamApiError", { status: 503 }))), 503);
});

test("isTransient() knows what passes by itself", () => {
  for (const name of ["TimeoutError", "NoResponders", "NoRespondersError", "ConnectionError"]) {
    assertEquals(isTransient(named(name)), true, name);
  }
  assertEquals(isTransient(named("RequestError", {}, named("NoResponders"))), true);
  for (const [status, passes] of [[429, true], [503, true], [404, false], [400, false]] as const) {
    assertEquals(isTransient(named("JetStreamApiError", { status })), passes, String(status));
  }
  const wrapped = named("Outer", {}, named("JetStreamApiError", { status: 429 }));
  assertEquals(isTransient(wrapped), true);
  assertEquals(isTransient(named("ConnectionClosedError", {}, named("TimeoutError"))), false);
  assertEquals([isTransient(new Error("x")), isTransient(undefined)], [false, false]);
});

const onTimeout = (cause: unknown): Error => new Error("over", { cause });

test("retryTransient() repeats what passes by itself until it succeeds", async () => {
  let attempts = 0;
  const work = () => {
    if (++attempts < 3) return Promise.reject(named("TimeoutError"));
    return Promise.resolve("done");
  };
  assertEquals(await retryTransient(work, { timeout: 10_000, onTimeout }), "done");
  assertEquals(attempts, 3);
});

test("retryTransient() does not repeat what stays, nor what is not worth it", async () => {
  let attempts = 0;
  const failing = (error: Error) => () => {
    attempts++;
    return Promise.reject(error);
  };
  const stays = named("JetStreamApiError", { status: 404 });
  const run = () => retryTransient(failing(stays), { timeout: 10_000, onTimeout });
  assertStrictEquals(await assertRejects(run), stays);
  assertEquals(attempts, 1);
  const unheard = named("NoResponders");
  const isWorth = (error: unknown, count: number) => error !== unheard || count < 2;
  const again = () => retryTransient(failing(unheard), { timeout: 10_000, onTimeout, isWorth });
  assertStrictEquals(await assertRejects(again), unheard);
  assertEquals(attempts, 3);
});

test("retryTransient() ends after the timeout, with what failed last, also within an attempt", async () => {
  const last = named("TimeoutError");
  const run = () => retryTransient(() => Promise.reject(last), { timeout: 30, onTimeout });
  const error = await assertRejects(run, Error, "over");
  assertStrictEquals(error.cause, last);
  const silent = () => retryTransient(() => new Promise(() => {}), { timeout: 30, onTimeout });
  assertEquals((await assertRejects(silent, Error, "over")).cause, undefined);
});

test("retryTransient() ends with the signal's reason, before, within and between attempts", async () => {
  const reason = new Error("enough");
  let attempts = 0;
  const count = () => Promise.reject(named("TimeoutError", { at: attempts++ }));
  const early = { timeout: 10_000, onTimeout, signal: AbortSignal.abort(reason) };
  assertStrictEquals(await assertRejects(() => retryTransient(count, early)), reason);
  assertEquals(attempts, 0);
  for (const work of [() => new Promise(() => {}), count]) {
    const abort = new AbortController();
    const options = { timeout: 10_000, onTimeout, signal: abort.signal };
    const failed = assertRejects(() => retryTransient(work, options));
    await Promise.resolve();
    abort.abort(reason);
    assertStrictEquals(await failed, reason);
  }
  assertEquals(attempts, 1);
});
