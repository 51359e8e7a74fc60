import { after, before, test } from "node:test";
import {
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import { inboxOf, nameClosed, serverInfo, watchConnection } from "../src/_connection.ts";
import { connect } from "../src/connect/connect.ts";
import { ConnectionClosedError, NoProgressError } from "../src/errors.ts";
import { type NatsServer, startNatsServer } from "../src/testing/mod.ts";
import { until } from "./_until.ts";

let server: NatsServer;
before(async () => {
  server = await startNatsServer({
    jetstream: false,
    config: `authorization { users: [
      { user: all, password: all },
      { user: few, password: few, permissions: { publish: "allowed", subscribe: ">" } }
    ] }`,
  });
});
after(() => server?.stop());

const open = (options: object = {}) =>
  connect({
    servers: server.url,
    user: "all",
    password: "all",
    reconnectWait: 20,
    reconnectJitter: 0,
    ...options,
  });

test("inboxOf() makes a new inbox under the connection's own prefix each time", async () => {
  const plain = await open();
  const own = await open({ inboxPrefix: "_MINE" });
  assertMatch(inboxOf(plain), /^_INBOX\.[^.]+$/);
  assertMatch(inboxOf(own), /^_MINE\.[^.]+$/);
  assertEquals(new Set([inboxOf(own), inboxOf(own), inboxOf(own)]).size, 3);
  await Promise.all([plain.close(), own.close()]);
});

test("watchConnection() tells of disconnect, reconnect, refusals and the end", async () => {
  const nc = await open({ user: "few", password: "few" });
  const seen: string[] = [];
  watchConnection(nc, {
    onDisconnect: () => seen.push("disconnect"),
    onReconnect: () => seen.push("reconnect"),
    onError: (error) => seen.push(`${error.name} ${(error as { subject?: string }).subject}`),
    onClose: () => seen.push("close"),
  });
  nc.publish("forbidden", "x");
  await until(() => seen.length === 1);
  await server.kill();
  await until(() => seen.length === 2);
  await server.restart();
  await until(() => seen.length === 3);
  await nc.close();
  await until(() => seen.length === 4);
  assertEquals(seen, ["PermissionViolationError forbidden", "disconnect", "reconnect", "close"]);
});

test("watchConnection() says nothing more when it was ended, and leaves no listener behind", async () => {
  const nc = await open();
  const { listeners } = (nc as unknown as { protocol: { listeners: unknown[] } }).protocol;
  const before = listeners.length;
  const seen: string[] = [];
  const unwatch = watchConnection(nc, {
    onDisconnect: () => seen.push("disconnect"),
    onReconnect: () => seen.push("reconnect"),
    onClose: () => seen.push("close"),
  });
  assertEquals(listeners.length, before + 1);
  unwatch();
  const statuses = nc.status();
  await server.restart();
  for await (const status of statuses) if (status.type === "reconnect") break;
  await nc.close();
  assertEquals(seen, []);
});

test("serverInfo() is what the server said", async () => {
  const nc = await open();
  assertStrictEquals(await serverInfo(nc, { timeout: 1_000 }), nc.info);
  assertEquals((await serverInfo(nc, { timeout: 1_000 })).max_payload, 1_048_576);
  await nc.close();
});

test("serverInfo() waits for the connection to come back, within its bounds", async () => {
  const nc = await open();
  await server.kill();
  await until(() => nc.info === undefined);
  const late = await assertRejects(() => serverInfo(nc, { timeout: 50 }), NoProgressError);
  assertEquals(
    late.message,
    "waiting for the connection to come back: no progress for 50 ms",
  );
  const reason = new Error("enough");
  const aborted = serverInfo(nc, { timeout: 10_000, signal: AbortSignal.abort(reason) });
  assertStrictEquals(await assertRejects(() => aborted, Error), reason);
  const info = serverInfo(nc, { timeout: 10_000 });
  await server.restart();
  assertEquals((await info).max_payload, 1_048_576);
  await nc.close();
});

test("nameClosed() gives a closed connection one name, with the error it had as cause", () => {
  const named = (name: string, message = "x", cause?: unknown): Error =>
    Object.assign(new Error(message, { cause }), { name });
  const closed = [
    named("ClosedConnectionError"),
    named("DrainingConnectionError"),
    named("Outer", "x", named("ClosedConnectionError")),
    named("RequestError", "connection closed"),
  ];
  for (const error of closed) {
    const found = nameClosed(error);
    assertInstanceOf(found, ConnectionClosedError);
    assertStrictEquals(found.cause, error);
    assertStrictEquals(nameClosed(found), found);
  }
  for (const error of [named("RequestError"), named("TimeoutError"), undefined]) {
    assertStrictEquals(nameClosed(error), error);
  }
});

test("serverInfo() refuses a connection that is closed, or closes meanwhile", async () => {
  const nc = await open();
  await server.kill();
  await until(() => nc.info === undefined);
  const info = serverInfo(nc, { timeout: 10_000 });
  const [error] = await Promise.all([
    assertRejects(() => info, ConnectionClosedError),
    nc.close(),
  ]);
  assertEquals(error.message, "the connection is closed");
  await assertRejects(() => serverInfo(nc, { timeout: 1_000 }), ConnectionClosedError);
  await server.restart();
});
