import type { NatsConnection } from "@nats-io/nats-core";
import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { test } from "node:test";
import type { ConnectOptions } from "../../src/connect/connect_options.ts";
import { detectRuntime } from "../../src/connect/_runtime.ts";
import { ConnectError } from "../../src/errors.ts";
import { startNatsServer } from "../../src/testing/mod.ts";

interface Adapter {
  connect(options?: ConnectOptions): Promise<NatsConnection>;
  ConnectError: typeof ConnectError;
}

// Each runtime has the transport package of its own adapters alone.
const NAMES = detectRuntime() === "deno" ? ["deno"] : ["node", "bun"];

for (const name of NAMES) {
  const specifier = `../../src/adapters/${name}.ts`;

  test(`connect() of the ${name} adapter makes a connection over TCP`, async () => {
    await using server = await startNatsServer({ jetstream: false });
    const adapter = await import(specifier) as Adapter;
    const nc = await adapter.connect({ servers: server.url });
    const { port } = nc.info!;
    await nc.close();
    assertEquals(port, server.port);
  });

  test(`connect() of the ${name} adapter fails with the errors of the main entry`, async () => {
    const adapter = await import(specifier) as Adapter;
    assertStrictEquals(adapter.ConnectError, ConnectError);
    const error = await assertRejects(
      () => adapter.connect({ servers: "127.0.0.1:1" }),
      ConnectError,
    );
    assertEquals(error.reason, "refused");
    await assertRejects(
      () => adapter.connect({ nmae: "x" } as ConnectOptions),
      TypeError,
      'unknown field "nmae"',
    );
  });
}
