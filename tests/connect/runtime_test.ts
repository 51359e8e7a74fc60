import { assertEquals } from "@std/assert";
import process from "node:process";
import { test } from "node:test";
import { detectRuntime } from "../../src/connect/_runtime.ts";

test("detectRuntime() names the runtime that the tests run on", () => {
  const { deno, bun } = process.versions as Record<string, string | undefined>;
  assertEquals(detectRuntime(), deno ? "deno" : bun ? "bun" : "node");
});

test("detectRuntime() goes by the most specific sign when a runtime also passes for Node", () => {
  const process = { versions: { node: "24.0.0" } };
  assertEquals(detectRuntime({ Deno: {}, process }), "deno");
  assertEquals(detectRuntime({ Bun: {}, process }), "bun");
  assertEquals(detectRuntime({ process }), "node");
  assertEquals(detectRuntime({ process: {} }), "browser");
  assertEquals(detectRuntime({ navigator: {} }), "browser");
});
