import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import type { NatsConnection } from "@nats-io/nats-core";
import { test } from "node:test";
import { isCongestion, isPassing, plainError, sessionOf } from "../../src/_jetstream/_trouble.ts";
import { named, tooMany } from "./_fake_client.ts";

const open = { isClosed: () => false } as NatsConnection;
const closed = { isClosed: () => true } as NatsConnection;

test("isPassing() tells what may succeed a moment later", () => {
  const api = (status: number, code: number) => named("JetStreamApiError", { status, code });
  const cases: [Error, boolean][] = [
    [named("TimeoutError"), true],
    [named("JetStreamNotEnabled", {}, named("NoResponders")), true],
    [tooMany(), true],
    [api(503, 10008), true],
    [api(503, 10077), false],
    [api(409, 10158), true],
    [api(400, 10054), false],
    [named("RequestError"), false],
    [named("RequestError", {}, named("PermissionViolationError")), false],
    [named("ClosedConnectionError"), false],
    [named("DrainingConnectionError"), false],
    [named("ConnectionClosedError", {}, named("TimeoutError")), false],
  ];
  for (const [error, wanted] of cases) {
    assertEquals(isPassing(error), wanted, `${error.name} ${(error as { code?: number }).code}`);
  }
});

test("isCongestion() tells too much from not now", () => {
  assert(isCongestion(tooMany()));
  assert(isCongestion(named("TimeoutError")));
  assert(!isCongestion(named("NoResponders")));
  assert(!isCongestion(named("JetStreamApiError", { status: 503, code: 10008 })));
});

test("plainError() unwraps a permission violation and names a closed connection", () => {
  const violation = named("PermissionViolationError");
  assertStrictEquals(plainError(named("RequestError", {}, violation), open), violation);
  const other = named("JetStreamApiError");
  assertStrictEquals(plainError(other, open), other);
  const error = plainError(other, closed) as Error;
  assertEquals(error.name, "ConnectionClosedError");
  assertStrictEquals(error.cause, other);
  const upstream = named("DrainingConnectionError");
  const draining = plainError(upstream, open) as Error;
  assertEquals(draining.name, "ConnectionClosedError");
  assertStrictEquals(draining.cause, upstream);
});

test("sessionOf() changes with the server and with the connection to it", () => {
  const session = (server_id: string, client_id: number) =>
    sessionOf({ info: { server_id, client_id } } as NatsConnection);
  assertEquals(session("A", 1), session("A", 1));
  assert(session("A", 1) !== session("A", 2));
  assert(session("A", 1) !== session("B", 1));
  assertEquals(sessionOf({} as NatsConnection), undefined);
});
