import { assertEquals, assertRejects, assertStrictEquals, assertStringIncludes } from "@std/assert";
import { test } from "node:test";
import { TransportMissingError } from "../../src/errors.ts";
import { adapterSpecifier, loadAdapter } from "../../src/connect/_adapter.ts";
import { detectRuntime, type Runtime } from "../../src/connect/_runtime.ts";

test("adapterSpecifier() names the file of the runtime, as source and as built JavaScript", () => {
  const source = "https://example.com/src/connect/_adapter.ts";
  const built = "file:///a/node_modules/natskit/src/connect/_adapter.js";
  assertEquals(adapterSpecifier("deno", source), "../adapters/deno.ts");
  assertEquals(adapterSpecifier("node", source), "../adapters/node.ts");
  assertEquals(adapterSpecifier("bun", built), "../adapters/bun.js");
  assertEquals(adapterSpecifier("browser", built), "../adapters/browser.js");
});

test("adapterSpecifier() gives Deno the Node adapter in built JavaScript, which has no other", () => {
  assertEquals(
    adapterSpecifier("deno", "file:///a/src/connect/_adapter.js"),
    "../adapters/node.js",
  );
});

test("loadAdapter() loads the adapter of the runtime that the tests run on", async () => {
  assertEquals(typeof (await loadAdapter(detectRuntime())).connect, "function");
});

const ADVICE: [Runtime, string][] = [
  ["node", "install natskit from npm"],
  ["bun", "install natskit from npm"],
  ["deno", "@nats-io/transport-deno"],
  ["browser", "natskit/browser"],
];
for (const [runtime, advice] of ADVICE) {
  test(`loadAdapter() says what to do when the package has no transport for ${runtime}`, async () => {
    const cause = new Error("Module not found");
    const error = await assertRejects(
      () => loadAdapter(runtime, () => Promise.reject(cause)),
      TransportMissingError,
      `no transport for ${runtime}`,
    );
    assertStringIncludes(error.message, advice);
    assertEquals(error.runtime, runtime);
    assertStrictEquals(error.cause, cause);
  });
}
