import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { test } from "node:test";
import { CongestionWindow } from "../../src/_jetstream/_congestion_window.ts";
import { breathe } from "./_fake_client.ts";

const signal = new AbortController().signal;

test("CongestionWindow.enter() waits for room and numbers its tickets", async () => {
  const window = new CongestionWindow(300);
  assertEquals([await window.enter(100, signal), await window.enter(200, signal)], [1, 2]);
  let entered = false;
  const third = window.enter(100, signal).then((ticket) => {
    entered = true;
    return ticket;
  });
  await breathe();
  assertEquals(entered, false);
  window.leave(100);
  assertEquals(await third, 3);
});

test("CongestionWindow.enter() rejects with the signal's reason", async () => {
  const window = new CongestionWindow(100);
  const controller = new AbortController();
  await window.enter(100, controller.signal);
  const waiting = window.enter(100, controller.signal);
  const reason = new Error("enough");
  controller.abort(reason);
  assertStrictEquals(await assertRejects(() => waiting), reason);
});

test("CongestionWindow.onLoss() halves once for all that was under way together", async () => {
  const window = new CongestionWindow(800);
  const tickets = [];
  for (let n = 0; n < 8; n++) tickets.push(await window.enter(100, signal));
  for (const ticket of tickets) {
    window.onLoss(ticket, 100);
    window.leave(100);
  }
  assertEquals(window.size, 400);
  const again = [];
  for (let n = 0; n < 4; n++) again.push(await window.enter(100, signal));
  window.onLoss(again[2]!, 100);
  window.onLoss(again[3]!, 100);
  assertEquals(window.size, 200);
});

test("CongestionWindow.onLoss() halves what was under way, not what might have been", async () => {
  const window = new CongestionWindow(1_000_000);
  const tickets = [];
  for (let n = 0; n < 8; n++) tickets.push(await window.enter(100, signal));
  window.onLoss(tickets[0]!, 100);
  assertEquals(window.size, 400);
});

test("CongestionWindow.onLoss() leaves room for one message, and never makes room", async () => {
  const window = new CongestionWindow(250);
  window.onLoss(await window.enter(200, signal), 200);
  assertEquals(window.size, 200);
  window.leave(200);
  window.onLoss(await window.enter(1_000, signal), 1_000);
  assertEquals(window.size, 200);
});

test("CongestionWindow.onArrival() grows by about one message per round, up to the limit", async () => {
  const window = new CongestionWindow(800);
  const tickets = [];
  for (let n = 0; n < 8; n++) tickets.push(await window.enter(100, signal));
  window.onLoss(tickets[7]!, 100);
  assertEquals(window.size, 400);
  for (let n = 0; n < 4; n++) window.onArrival(100);
  assertEquals(Math.round(window.size / 10), 49);
  for (let n = 0; n < 100; n++) window.onArrival(100);
  assertEquals(window.size, 800);
});
