import { assertEquals, assertNotEquals, assertStrictEquals } from "@std/assert";
import { test } from "node:test";
import * as browserAdapter from "../src/adapters/browser.ts";
import * as main from "../mod.ts";
import * as browser from "../mod_browser.ts";

test("mod_browser.ts offers the same names as mod.ts, with the browser's connect", () => {
  assertEquals(Object.keys(browser).sort(), Object.keys(main).sort());
  assertStrictEquals(browser.connect, browserAdapter.connect);
  assertNotEquals(main.connect, browser.connect);
  assertStrictEquals(main.ConnectError, browser.ConnectError);
});
