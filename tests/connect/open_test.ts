import { errors, type wsconnect } from "@nats-io/nats-core";
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { test } from "node:test";
import { openConnection } from "../../src/connect/_open.ts";
import { CoreMismatchError } from "../../src/errors.ts";

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
