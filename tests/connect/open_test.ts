import { errors, type wsconnect } from "@nats-io/nats-core";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import { test } from "node:test";
import { openConnection } from "../../src/connect/_open.ts";
import { ConnectError, CoreMismatchError } from "../../src/errors.ts";

test("openConnection() refuses a transport of another nats-core before it is used", async () => {
  let calls = 0;
  const connect: typeof wsconnect = () => {
    calls++;
    return Promise.reject(new Error("used"));
  };
  const error = await assertRejects(
    () => openConnection({}, { connect, errors: { ...errors } }),
    CoreMismatchError,
    "the transport belongs to another copy",
  );
  assertStringIncludes(error.message, "of unknown version");
  assertEquals(error.found, undefined);
  assertEquals(calls, 0);
});

test("openConnection() passes on what the official client finds wrong with the options", async () => {
  const wrong = new errors.InvalidArgumentError("'servers' is odd");
  const connect = () => Promise.reject(wrong);
  assertEquals(await assertRejects(() => openConnection({}, { connect, errors })), wrong);
});

test("openConnection() keeps its deadline when the transport never comes to be installed", async () => {
  const connect: typeof wsconnect = () => new Promise(() => {});
  const start = performance.now();
  const error = await assertRejects(
    () => openConnection({ connectTimeout: 50 }, { connect, errors }),
    ConnectError,
    "within connectTimeout (50 ms)",
  );
  assertEquals(error.reason, "timeout");
  assert(performance.now() - start < 1_000);
});

test("openConnection() rejects with the signal's reason while the transport is installed", async () => {
  const connect: typeof wsconnect = () => new Promise(() => {});
  const abort = new AbortController();
  const reason = new Error("enough");
  const attempt = openConnection({ signal: abort.signal }, { connect, errors });
  abort.abort(reason);
  assertStrictEquals(await assertRejects(() => attempt), reason);
});
