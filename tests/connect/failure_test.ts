import { assertEquals, assertStrictEquals, assertStringIncludes } from "@std/assert";
import { test } from "node:test";
import { inspect } from "node:util";
import { describeFailure, describeTimeout } from "../../src/connect/_failure.ts";
import { parseServers } from "../../src/connect/_servers.ts";

const SHOWN = ["nats://a:4222", "nats://b:4222"];
const SERVERS = parseServers(SHOWN);

function named(name: string, message: string, more: object = {}): Error {
  return Object.assign(new Error(message), { name }, more);
}

const CASES: [string, Error, string, string][] = [
  ["a login that was refused", named("AuthorizationError", "x"), "authorization", "login"],
  ["a code of Node", named("Error", "x", { code: "ECONNREFUSED" }), "refused", "refused"],
  ["Deno's wording", named("Error", "connection refused (os error 111)"), "refused", "refused"],
  ["an unknown host", named("Error", "getaddrinfo ENOTFOUND a"), "unreachable", "unknown"],
  ["no route", named("Error", "x", { code: "EHOSTUNREACH" }), "unreachable", "reached"],
  ["a bad certificate", named("Error", "self-signed certificate"), "tls", "TLS"],
  ["upstream's time-out", named("TimeoutError", "timeout"), "timeout", "in time"],
  ["a hang-up", named("Error", "read ECONNRESET"), "failed", "closed the connection"],
  ["another protocol", named("Error", "unexpected response from server"), "failed", "no NATS"],
  ["an unknown failure", named("Error", "moon phase"), "failed", "moon phase"],
  ["a failure without words", named("Error", ""), "failed", "no server listens"],
];
for (const [title, cause, reason, words] of CASES) {
  test(`describeFailure() tells ${title}`, () => {
    const error = describeFailure(SERVERS, cause);
    assertEquals(error.name, "ConnectError");
    assertEquals<string>(error.reason, reason);
    assertEquals(error.servers, SHOWN);
    assertStrictEquals(error.cause, cause);
    assertStringIncludes(error.message, "could not connect to nats://a:4222, nats://b:4222: ");
    assertStringIncludes(error.message, words);
  });
}

test("describeFailure() looks through the causes of an error", () => {
  const cause = new Error("outer", { cause: new Error("middle", { cause: CASES[1]![1] }) });
  assertEquals(describeFailure(SERVERS, cause).reason, "refused");
});

test("describeTimeout() names the deadline and keeps what failed last", () => {
  const last = new Error("refused");
  const error = describeTimeout(SERVERS, 1234, last);
  assertEquals(error.reason, "timeout");
  assertStringIncludes(error.message, "connectTimeout (1234 ms)");
  assertStrictEquals(error.cause, last);
  assertEquals("cause" in describeTimeout(SERVERS, 1, undefined), false);
});

test("describeFailure() keeps the query of a WebSocket URL to itself, which may be a secret", () => {
  const servers = parseServers("wss://a/nats?token=hunter2");
  const cause = new Error("WebSocket connection to 'wss://a/nats?token=hunter2' failed");
  for (const error of [describeFailure(servers, cause), describeTimeout(servers, 5, cause)]) {
    assertEquals(error.servers, ["wss://a/nats"]);
    assertEquals(inspect(error, { depth: 9 }).includes("hunter2"), false);
  }
});
