import type * as core from "@nats-io/nats-core";
import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { assertOneCore, CORE_RANGE } from "../src/_core.ts";
import { connect } from "../src/connect/connect.ts";
import { CoreMismatchError } from "../src/errors.ts";
import { startNatsServer } from "../src/testing/mod.ts";

const ROOT = new URL("../", import.meta.url);

interface Manifest {
  version: string;
  peerDependencies: Record<string, string>;
  imports: Record<string, string>;
}

function readManifest(path: string): Manifest {
  return JSON.parse(readFileSync(new URL(path, ROOT), "utf8"));
}

test("CORE_RANGE is the range of both manifests", () => {
  const name = "@nats-io/nats-core";
  assertEquals(readManifest("package.json").peerDependencies[name], CORE_RANGE);
  assertEquals(readManifest("deno.json").imports[name], `jsr:${name}@${CORE_RANGE}`);
});

test("assertOneCore() lets a connection of natskit pass when it is open, draining and closed", async () => {
  await using server = await startNatsServer({ jetstream: false });
  const [open, draining, closed] = await Promise.all(
    [1, 2, 3].map(() => connect({ servers: server.url })),
  );
  const { outMsgs } = open!.stats();
  assertOneCore(open!);
  assertEquals(open!.stats().outMsgs, outMsgs);
  const drained = draining!.drain();
  assertOneCore(draining!);
  await closed!.close();
  assertOneCore(closed!);
  await Promise.all([drained, open!.close()]);
});

test("assertOneCore() lets things pass that are no official connection", () => {
  assertOneCore({ publish: () => {} } as unknown as core.NatsConnection);
  assertOneCore({} as core.NatsConnection);
  const publish = () => {
    throw new RangeError("a subject is wanted");
  };
  assertOneCore({ publish } as unknown as core.NatsConnection);
});

test("assertOneCore() refuses a connection of a second copy of nats-core, naming both versions", async () => {
  await using server = await startNatsServer({ jetstream: false, websocket: true });
  const folder = await mkdtemp(join(tmpdir(), "natskit-core-"));
  try {
    const copy = join(folder, "node_modules");
    for (const name of ["@nats-io", "tweetnacl"]) {
      const from = fileURLToPath(new URL(`node_modules/${name}`, ROOT));
      await cp(from, join(copy, name), { recursive: true });
    }
    const require = createRequire(import.meta.url);
    const second: typeof core = require(join(copy, "@nats-io", "nats-core", "lib", "mod.js"));
    const nc = await second.wsconnect({ servers: server.wsUrl! });
    try {
      for (let i = 0; i < 2; i++) {
        const error = assertThrows(() => assertOneCore(nc), CoreMismatchError, "another copy");
        const { version } = readManifest("node_modules/@nats-io/nats-core/package.json");
        assertEquals(error.found, version);
        assertEquals(error.wanted, CORE_RANGE);
        assertStringIncludes(error.message, version);
        assertStringIncludes(error.message, CORE_RANGE);
        assertStringIncludes(error.message, "update them together");
      }
    } finally {
      await nc.close();
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});
