import { assert, assertEquals, assertThrows } from "@std/assert";
import { test } from "node:test";
import { parseServers } from "../../src/connect/_servers.ts";

test("parseServers() completes scheme and port when they are missing", () => {
  assertEquals(parseServers("127.0.0.1").urls, ["nats://127.0.0.1:4222"]);
  assertEquals(parseServers("example.com:5222").urls, ["nats://example.com:5222"]);
  assertEquals(parseServers("localhost:4222").urls, ["nats://localhost:4222"]);
  assertEquals(parseServers(" nats://a:1/ ").urls, ["nats://a:1"]);
  assertEquals(parseServers(["nats://a", "b:80"]).urls, ["nats://a:4222", "nats://b:80"]);
  assertEquals(parseServers("[::1]:4333").urls, ["nats://[::1]:4333"]);
});

test("parseServers() tells TCP, TLS and WebSocket apart by the scheme", () => {
  assertEquals(parseServers("nats://a").kind, "tcp");
  assertEquals(parseServers("nats://a").tls, false);
  assertEquals(parseServers("TLS://a").kind, "tcp");
  assertEquals(parseServers(["nats://a", "tls://b"]).tls, true);
  assertEquals(parseServers("ws://a").kind, "ws");
  assertEquals(parseServers(["ws://a:8080", "wss://b"]).kind, "ws");
});

test("parseServers() keeps the path and query of a WebSocket URL when it has them", () => {
  assertEquals(parseServers("wss://a:443/nats?x=1").urls, ["wss://a/nats?x=1"]);
  assertEquals(parseServers("ws://a:8080/").urls, ["ws://a:8080"]);
  assertEquals(parseServers("wss://a/nats?token=x").shown, ["wss://a/nats"]);
});

test("parseServers() takes user info out of the URL and decodes it", () => {
  const list = parseServers("nats://al%40ice:p%3Aa%2Fss%20%C3%A9@host:1");
  assertEquals(list.userInfo, { user: "al@ice", password: "p:a/ss é" });
  assertEquals(list.urls, ["nats://host:1"]);
  assertEquals(parseServers("wss://u:p@host/path").urls, ["wss://host/path"]);
  assertEquals(parseServers("u:p@host").userInfo, { user: "u", password: "p" });
});

test("parseServers() reads a single user as a token and keeps an empty password", () => {
  assertEquals(parseServers("nats://s3cr%65t@host").userInfo, { token: "s3cret" });
  assertEquals(parseServers("s3cret@host").userInfo, { token: "s3cret" });
  assertEquals(parseServers("nats://u:@host").userInfo, { user: "u", password: "" });
  assertEquals(parseServers("u:@host").userInfo, { user: "u", password: "" });
});

test("parseServers() uses one user info for all servers and refuses two", () => {
  assertEquals(parseServers(["nats://u:p@a", "nats://b", "nats://u:p@c"]).userInfo, {
    user: "u",
    password: "p",
  });
  const error = assertThrows(
    () => parseServers(["nats://u:hunter2@a", "nats://u:hunter3@b"]),
    TypeError,
    "different user infos",
  );
  assert(!error.message.includes("hunter"), error.message);
});

const BAD: [string, unknown, typeof TypeError | typeof RangeError, string][] = [
  ["a number", 4222, TypeError, "servers is number"],
  ["null", null, TypeError, "servers is object"],
  ["an empty list", [], RangeError, "servers is empty"],
  ["a list with a hole", ["nats://a", undefined], TypeError, "servers[1] is undefined"],
  ["an empty string", "", TypeError, "servers"],
  ["another scheme", "http://a", TypeError, "scheme http://"],
  ["two kinds", ["nats://a", "ws://b"], TypeError, "mixes WebSocket"],
  ["a path on TCP", "nats://a/b", TypeError, "path"],
  ["a query on TCP", "nats://a?tls=1", TypeError, "path or query"],
  ["a fragment", "ws://a/#hunter2", TypeError, "after the host"],
  ["a password that a slash cut off", "ws://u:1/hunter2@a", TypeError, "percent-encoded"],
  ["a bad port", "nats://a:hunter2", TypeError, "is not a URL"],
  ["a raw slash in the password", "nats://u:hunter2/x@a", TypeError, "is not a URL"],
  ["a raw percent in the password", "nats://u:hunter2%zz@a", TypeError, "percent-encoded"],
  ["a password alone", "nats://:hunter2@a", TypeError, "password without a user"],
  ["a bare IPv6 address", "::1", TypeError, "is not a URL"],
];
for (const [title, servers, type, message] of BAD) {
  test(`parseServers() refuses ${title} without repeating a secret`, () => {
    const error = assertThrows(() => parseServers(servers), type, message);
    assert(error.message.startsWith("connect: servers"), error.message);
    assert(!`${error.stack} ${String(error.cause)}`.includes("hunter2"), error.stack);
  });
}
