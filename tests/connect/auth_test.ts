import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { test } from "node:test";
import { readLogin } from "../../src/connect/_auth.ts";
import type { ConnectOptions } from "../../src/connect/connect_options.ts";

const INFO = { user: "url", password: "url-pass" };

test("readLogin() finds none when none was chosen", () => {
  assertEquals(readLogin({}, undefined), undefined);
});

test("readLogin() takes the token first, then user and password, then user info of a URL", async () => {
  const all: ConnectOptions = { token: "t", user: "u", password: "p" };
  assertEquals(await readLogin(all, INFO)?.(), { auth_token: "t" });
  assertEquals(await readLogin({ user: "u", password: "p" }, INFO)?.(), { user: "u", pass: "p" });
  assertEquals(await readLogin({}, INFO)?.(), { user: "url", pass: "url-pass" });
  assertEquals(await readLogin({}, { token: "url-token" })?.(), { auth_token: "url-token" });
});

test("readLogin() calls a token function each time, whether it is synchronous or not", async () => {
  let calls = 0;
  const plain = readLogin({ token: () => `t${++calls}` }, undefined)!;
  assertEquals(await plain(), { auth_token: "t1" });
  assertEquals(await plain(), { auth_token: "t2" });
  const later = readLogin({ token: () => Promise.resolve("later") }, undefined)!;
  assertEquals(await later(), { auth_token: "later" });
});

test("readLogin() rejects when a token function returns no token", async () => {
  const login = readLogin({ token: () => "" }, undefined)!;
  await assertRejects(async () => await login(), TypeError, "the result of token()");
});

const BAD: [string, unknown, string][] = [
  ["user without password", { user: "u" }, "user is given without password"],
  ["password without user", { password: "hunter2" }, "password is given without user"],
  ["half a login behind a token", { token: "hunter2", user: "u" }, "without password"],
  ["an empty user", { user: "", password: "hunter2" }, "user is an empty string"],
  ["a password that is a number", { user: "u", password: 5 }, "password is a number"],
  ["an empty token", { token: "" }, "token is an empty string"],
  ["a token of null", { token: null }, "token is null"],
  ["a token that is bytes", { token: new Uint8Array(4) }, "token is a Uint8Array"],
];
for (const [title, options, message] of BAD) {
  test(`readLogin() refuses ${title} by name, not by value`, () => {
    const error = assertThrows(
      () => readLogin(options as ConnectOptions, INFO),
      TypeError,
      message,
    );
    assert(!String(error.stack).includes("hunter2"), error.stack);
  });
}
