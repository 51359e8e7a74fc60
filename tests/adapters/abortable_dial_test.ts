import { assertEquals, assertRejects } from "@std/assert";
import type { Socket } from "node:net";
import { test } from "node:test";
import { makeAbortable } from "../../src/adapters/_abortable_dial.ts";
import { startFakeServer } from "../connect/_fake_server.ts";

type Dial = (server: { hostname: string; port: number }) => Promise<Socket>;

/** The `dial` that a transport has afterwards. */
function dialOf(signal: AbortSignal): Dial {
  const transport = { dial: (() => Promise.reject(new Error("not replaced"))) as Dial };
  makeAbortable(transport, signal);
  return transport.dial;
}

test("makeAbortable() gives a bare socket when the server accepts", async () => {
  await using fake = await startFakeServer((socket) => void socket.write("hello"));
  const abort = new AbortController();
  const socket = await dialOf(abort.signal)({ hostname: "127.0.0.1", port: fake.port });
  assertEquals(["connect", "error", "close"].map((name) => socket.listenerCount(name)), [0, 0, 0]);
  const [bytes] = await Promise.all([
    new Promise((resolve) => socket.once("data", resolve)),
    fake.whenAccepted(1),
  ]);
  assertEquals(String(bytes), "hello");
  socket.destroy();
  await fake.everyoneLeft();
});

test("makeAbortable() drops a socket that is still connecting when the signal aborts", async () => {
  await using fake = await startFakeServer(() => {});
  const abort = new AbortController();
  const dialling = dialOf(abort.signal)({ hostname: "127.0.0.1", port: fake.port });
  abort.abort();
  await assertRejects(() => dialling, Error, "closed while it connected");
  await fake.everyoneLeft();
});

test("makeAbortable() does not dial when the signal is aborted already", async () => {
  await using fake = await startFakeServer(() => {});
  const dial = dialOf(AbortSignal.abort());
  await assertRejects(() => dial({ hostname: "127.0.0.1", port: fake.port }), Error);
  await fake.everyoneLeft();
});

test("makeAbortable() leaves the socket alone when the signal aborts after connecting", async () => {
  await using fake = await startFakeServer((socket) =>
    void socket.once("data", () => socket.write("yes"))
  );
  const abort = new AbortController();
  const socket = await dialOf(abort.signal)({ hostname: "127.0.0.1", port: fake.port });
  abort.abort();
  socket.write("still there?");
  assertEquals(String(await new Promise((resolve) => socket.once("data", resolve))), "yes");
  socket.destroy();
});

test("makeAbortable() rejects with the system's error when nothing listens", async () => {
  const dial = dialOf(new AbortController().signal);
  const error = await assertRejects(() => dial({ hostname: "127.0.0.1", port: 1 }), Error);
  assertEquals((error as Error & { code?: string }).code, "ECONNREFUSED");
});
