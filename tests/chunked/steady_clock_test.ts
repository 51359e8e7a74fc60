import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { SteadyClock } from "../../src/chunked/_intake/steady_clock.ts";

test("SteadyClock does not count time in which nobody read it, although somebody should have", () => {
  let time = 5_000;
  const clock = new SteadyClock(100, () => time);
  clock.watch();
  assertEquals(clock.now(), 0);
  time += 60;
  assertEquals(clock.now(), 60);
  time += 90_000; // a debugger, a suspended machine
  assertEquals(clock.now(), 160);
  time += 100;
  assertEquals(clock.now(), 260);
});

test("SteadyClock counts all time while it rests", () => {
  let time = 0;
  const clock = new SteadyClock(100, () => time);
  time += 90_000;
  assertEquals(clock.now(), 90_000);
  clock.watch();
  time += 90_000;
  clock.rest();
  time += 90_000;
  assertEquals([clock.now(), clock.now()], [180_100, 180_100]);
});
