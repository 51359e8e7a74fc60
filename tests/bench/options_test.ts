import { test } from "node:test";
import { assertEquals, assertThrows } from "@std/assert";
import { parseBenchOptions } from "../../bench/options.ts";

const NAMES = ["core", "jetstream"];
const TABLES = [{ name: "core" }, { name: "jetstream" }];
const PEERS = { name: "jetstream_peers", onRequest: true };

test("parseBenchOptions() measures every table with 1 GB in ten rounds unless told otherwise", () => {
  assertEquals(parseBenchOptions([], TABLES), {
    tables: NAMES,
    runtimes: ["deno"],
    rounds: 10,
    size: 1_000_000_000,
    json: false,
    check: false,
    help: false,
  });
});

test("parseBenchOptions() --quick moves less, and gives way to what is said", () => {
  const { rounds, size } = parseBenchOptions(["--quick"], TABLES);
  assertEquals([rounds, size], [3, 128_000_000]);
  assertEquals(parseBenchOptions(["--quick", "--rounds=7"], TABLES).rounds, 7);
});

test("parseBenchOptions() chooses tables by a part of their name, in their own order", () => {
  assertEquals(parseBenchOptions(["jet"], TABLES).tables, ["jetstream"]);
  assertEquals(parseBenchOptions(["jet", "core"], TABLES).tables, NAMES);
});

test("parseBenchOptions() leaves out what needs more than others unless it is named", () => {
  const all = [...TABLES, PEERS];
  assertEquals(parseBenchOptions([], all).tables, NAMES);
  assertEquals(parseBenchOptions(["jetstream"], all).tables, ["jetstream"]);
  assertEquals(parseBenchOptions(["peers"], all).tables, ["jetstream_peers"]);
  assertEquals(parseBenchOptions(["jet"], all).tables, ["jetstream", "jetstream_peers"]);
});

test("parseBenchOptions() reads runtimes and sizes", () => {
  const options = parseBenchOptions(
    ["--runtime=node,bun", "--size=64MB", "--json", "--check"],
    TABLES,
  );
  assertEquals([options.runtimes, options.size], [["node", "bun"], 64e6]);
  assertEquals([options.json, options.check], [true, true]);
  assertEquals(parseBenchOptions(["--size=500000"], TABLES).size, 500_000);
});

test("parseBenchOptions() names what it cannot read", () => {
  const cases: [string, string][] = [
    ["kv", 'no table is called "kv", there are core, jetstream'],
    ["--runtime=go", '--runtime names "go", wanted are deno, node, bun'],
    ["--rounds=0", '--rounds is "0", wanted is a whole number above 0'],
    ["--rounds=1.5", '--rounds is "1.5", wanted is a whole number above 0'],
    ["--size=0", '--size is "0", wanted are bytes, such as 500000, 64MB or 1GB'],
    ["--size=1.5GB", '--size is "1.5GB", wanted are bytes, such as 500000, 64MB or 1GB'],
  ];
  for (const [argument, message] of cases) {
    const error = assertThrows(() => parseBenchOptions([argument], TABLES), RangeError);
    assertEquals(error.message, message);
  }
  assertThrows(() => parseBenchOptions(["--fast"], TABLES), TypeError);
});
