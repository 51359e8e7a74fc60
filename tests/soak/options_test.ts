import { tmpdir } from "node:os";
import { test } from "node:test";
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { parseSoakOptions, usage } from "../../soak/options.ts";
import { scenarioOf } from "./_scenario.ts";

const BIG = scenarioOf(() => Promise.resolve(""), { name: "big", variants: ["limits"] });
const KILL = scenarioOf(() => Promise.resolve(""), { name: "kill", title: "kills" });
const SCENARIOS = [BIG, KILL];

test("parseSoakOptions() leaves to each scenario what is not said", () => {
  const { seed, ...rest } = parseSoakOptions(["kill"], SCENARIOS);
  assert(Number.isSafeInteger(seed) && seed >= 0);
  assertEquals(rest, {
    scenarios: [KILL],
    variants: [],
    runtimes: ["deno"],
    times: undefined,
    size: undefined,
    messages: 1_000_000,
    folder: tmpdir(),
    help: false,
  });
});

test("parseSoakOptions() reads everything that can be said", () => {
  const args = ["big", "kill", "--runtime=node,bun", "--times=20", "--size=10GB", "--seed=7"];
  const more = ["--messages=5000", "--variant=core", "--folder=/data"];
  assertEquals(parseSoakOptions([...args, ...more], SCENARIOS), {
    scenarios: SCENARIOS,
    variants: ["core"],
    runtimes: ["node", "bun"],
    times: 20,
    size: 10_000_000_000,
    messages: 5_000,
    seed: 7,
    folder: "/data",
    help: false,
  });
});

test("parseSoakOptions() names what it cannot read", () => {
  const cases: [string[], string][] = [
    [[], "no scenario is named, there are big, kill"],
    [["huge"], 'no scenario is called "huge", there are big, kill'],
    [["big", "--variant=core"], '--variant names "core", there are limits'],
    [["big", "--times=0"], '--times is "0", wanted is a whole number above 0'],
    [["big", "--size=1TB"], '--size is "1TB", wanted are bytes, such as 500000, 64MB or 1GB'],
    [["big", "--runtime=go"], '--runtime names "go", wanted are deno, node, bun'],
  ];
  for (const [args, message] of cases) {
    assertEquals(assertThrows(() => parseSoakOptions(args, SCENARIOS), Error).message, message);
  }
});

test("usage() names every scenario, and --help needs none", () => {
  assertStringIncludes(usage(SCENARIOS), "\n  kill  kills\n");
  assertEquals(parseSoakOptions(["--help"], SCENARIOS).help, true);
});
