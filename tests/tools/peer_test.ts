import process from "node:process";
import { test } from "node:test";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Peer, startPeer } from "../../tools/peer.ts";

const SCRIPT = new URL("./_peer_process.ts", import.meta.url);

function start(timeout?: number): Peer {
  return startPeer(SCRIPT, { name: "peer", ...(timeout !== undefined && { timeout }) });
}

test("startPeer() calls a handler with its input and returns what it returns", async () => {
  await using peer = start();
  assertEquals(await peer.call("add", { a: 2, b: 3 }), 5);
});

test("startPeer() passes reports on in order, before the call resolves", async () => {
  await using peer = start();
  const reports: unknown[] = [];
  assertEquals(await peer.call("count", { to: 3 }, (value) => reports.push(value)), null);
  assertEquals(reports, [1, 2, 3]);
});

test("startPeer() rejects with what a handler threw, causes included, and goes on", async () => {
  await using peer = start();
  const error = await assertRejects(() => peer.call("fail"), Error);
  assertEquals(error.message, "peer: fail: RangeError: too much (of it)");
  assertEquals(await peer.call("add", { a: 1, b: 1 }), 2);
});

test("startPeer() rejects a command that there is not", async () => {
  await using peer = start();
  const error = await assertRejects(() => peer.call("dance"), Error);
  assertEquals(error.message, 'peer: dance: there is no command "dance"');
});

test("startPeer() keeps several calls apart", async () => {
  await using peer = start();
  const held = peer.call("hold");
  assertEquals(await peer.call("add", { a: 1, b: 2 }), 3);
  await peer.call("release");
  assertEquals(await held, null);
});

test("startPeer() ignores what the process prints beside its answers", async () => {
  await using peer = start();
  assertEquals(await peer.call("chat"), null);
});

test("startPeer() rejects open and later calls when the process has ended", async () => {
  await using peer = start();
  const held = assertRejects(() => peer.call("hold"), Error);
  await assertRejects(() => peer.call("exit"), Error);
  assertEquals((await held).message, "peer: hold: ended with code 7");
  const later = await assertRejects(() => peer.call("add", { a: 1, b: 1 }), Error);
  assertEquals(later.message, "peer: add: ended with code 7");
});

test("startPeer() rejects a call that takes longer than the timeout", async () => {
  await using peer = start(2_000);
  const error = await assertRejects(() => peer.call("hold"), Error);
  assertEquals(error.message, "peer: hold: no answer within 2 s");
});

test("startPeer() leaves no process behind", async () => {
  const peer = start();
  const pid = await peer.call<number>("pid");
  assert(process.kill(pid, 0), "the process runs before it is stopped");
  await peer.stop();
  assertEquals(isRunning(pid), false);
});

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
