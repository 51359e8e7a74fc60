import { assertEquals, assertThrows } from "@std/assert";
import { test } from "node:test";
import { readSettings } from "../../src/connect/_settings.ts";
import type { ConnectOptions } from "../../src/connect/connect_options.ts";

const DEFAULT = "nats://127.0.0.1:4222";

test("readSettings() applies the documented defaults when nothing is said", () => {
  assertEquals(readSettings({}, DEFAULT), {
    servers: { kind: "tcp", urls: [DEFAULT], shown: [DEFAULT], tls: false, userInfo: undefined },
    login: undefined,
    name: undefined,
    connectTimeout: 5_000,
    reconnect: true,
    maxReconnectAttempts: -1,
    reconnectWait: 2_000,
    reconnectJitter: 100,
    pingInterval: 20_000,
    maxPingOut: 2,
    waitOnFirstConnect: false,
    inboxPrefix: undefined,
    noEcho: false,
    signal: undefined,
  });
});

test("readSettings() takes every option and leaves the given object alone", () => {
  const { signal } = new AbortController();
  const options: ConnectOptions = Object.freeze({
    servers: Object.freeze(["ws://a:1"]),
    name: "n",
    user: "u",
    password: "p",
    token: "t",
    connectTimeout: 1,
    reconnect: false,
    maxReconnectAttempts: 0,
    reconnectWait: 2,
    reconnectJitter: 0,
    pingInterval: 3,
    maxPingOut: 1,
    waitOnFirstConnect: true,
    inboxPrefix: "_INBOX_me.x",
    noEcho: true,
    signal,
  });
  const { login, ...rest } = readSettings(options, DEFAULT);
  assertEquals(typeof login, "function");
  assertEquals(rest, {
    servers: {
      kind: "ws",
      urls: ["ws://a:1"],
      shown: ["ws://a:1"],
      tls: false,
      userInfo: undefined,
    },
    name: "n",
    connectTimeout: 1,
    reconnect: false,
    maxReconnectAttempts: 0,
    reconnectWait: 2,
    reconnectJitter: 0,
    pingInterval: 3,
    maxPingOut: 1,
    waitOnFirstConnect: true,
    inboxPrefix: "_INBOX_me.x",
    noEcho: true,
    signal,
  });
});

test("readSettings() treats undefined as not given", () => {
  const options = { name: undefined, pingInterval: undefined, token: undefined };
  assertEquals(readSettings(options as unknown as ConnectOptions, DEFAULT).pingInterval, 20_000);
});

test("readSettings() wants servers when there is no default, as in a browser", () => {
  assertThrows(() => readSettings({}, undefined), TypeError, "servers is missing");
});

const BAD: [string, unknown, typeof TypeError | typeof RangeError, string][] = [
  [
    "an unknown option",
    { reconect: true },
    TypeError,
    'connect: options has the unknown field "reconect", known are: servers,',
  ],
  ["the official name of an option", { pass: "hunter2" }, TypeError, 'unknown field "pass"'],
  ["options that are null", null, TypeError, "options is null, wanted is an object"],
  ["options that are a string", "nats://a", TypeError, "options is a string"],
  ["options that are a list", ["nats://a"], TypeError, "options is an Array"],
  ["connectTimeout 0", { connectTimeout: 0 }, RangeError, "connectTimeout is 0"],
  ["a negative connectTimeout", { connectTimeout: -1 }, RangeError, "connectTimeout is -1"],
  ["a fraction", { connectTimeout: 1.5 }, RangeError, "connectTimeout is 1.5"],
  ["NaN", { connectTimeout: NaN }, RangeError, "connectTimeout is NaN"],
  ["Infinity", { pingInterval: Infinity }, RangeError, "pingInterval is Infinity"],
  ["a time that no timer holds", { pingInterval: 2 ** 31 }, RangeError, "1 to 2147483647"],
  ["a time as text", { connectTimeout: "5s" }, TypeError, "connectTimeout is a string"],
  ["reconnectWait 0", { reconnectWait: 0 }, RangeError, "reconnectWait is 0"],
  ["a negative jitter", { reconnectJitter: -1 }, RangeError, "reconnectJitter is -1"],
  ["attempts below -1", { maxReconnectAttempts: -2 }, RangeError, "maxReconnectAttempts is -2"],
  ["maxPingOut 0", { maxPingOut: 0 }, RangeError, "maxPingOut is 0"],
  ["reconnect as text", { reconnect: "no" }, TypeError, "reconnect is a string"],
  ["waitOnFirstConnect 1", { waitOnFirstConnect: 1 }, TypeError, "waitOnFirstConnect is a number"],
  ["noEcho null", { noEcho: null }, TypeError, "noEcho is null"],
  ["an empty name", { name: "" }, TypeError, "name is empty"],
  ["a name that is a number", { name: 5 }, TypeError, "name is a number"],
  ["a wildcard in inboxPrefix", { inboxPrefix: "a.*" }, TypeError, 'inboxPrefix is "a.*"'],
  ["a space in inboxPrefix", { inboxPrefix: "a b" }, TypeError, 'inboxPrefix is "a b"'],
  ["an empty token in inboxPrefix", { inboxPrefix: "a..b" }, TypeError, 'inboxPrefix is "a..b"'],
  ["an inboxPrefix with a last dot", { inboxPrefix: "a." }, TypeError, 'inboxPrefix is "a."'],
  [
    "a signal that is none",
    { signal: {} },
    TypeError,
    "signal is an Object, wanted is an AbortSignal",
  ],
  [
    "a controller for a signal",
    { signal: new AbortController() },
    TypeError,
    "signal is an AbortController",
  ],
];
for (const [title, options, type, message] of BAD) {
  test(`readSettings() refuses ${title}`, () => {
    assertThrows(() => readSettings(options as ConnectOptions, DEFAULT), type, message);
  });
}
