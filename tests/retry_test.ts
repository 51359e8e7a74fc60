import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { apiStatus, hasName, isTransient, retryDelay } from "../src/_retry.ts";

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
});

test("isTransient() knows what passes by itself", () => {
  for (const name of ["TimeoutError", "NoResponders", "NoRespondersError", "ConnectionError"]) {
    assertEquals(isTransient(named(name)), true, name);
  }
  assertEquals(isTransient(named("RequestError", {}, named("NoResponders"))), true);
  for (const [status, passes] of [[429, true], [503, true], [404, false], [400, false]] as const) {
    assertEquals(isTransient(named("JetStreamApiError", { status })), passes, String(status));
  }
  assertEquals([isTransient(new Error("x")), isTransient(undefined)], [false, false]);
});
