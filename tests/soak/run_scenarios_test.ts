import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import type { SoakOptions } from "../../soak/options.ts";
import { runScenarios } from "../../soak/run_scenarios.ts";
import { hold, type Scenario, type SoakRun } from "../../soak/scenario.ts";
import { scenarioOf } from "./_scenario.ts";

function optionsFor(scenario: Scenario, more: Partial<SoakOptions> = {}): SoakOptions {
  return {
    scenarios: [scenario],
    variants: [],
    runtimes: ["deno"],
    times: undefined,
    size: undefined,
    messages: 10,
    seed: 1,
    folder: tmpdir(),
    help: false,
    ...more,
  };
}

const never = new AbortController().signal;

test("runScenarios() runs every variant as often as its scenario says, one line each", async () => {
  const lines: string[] = [];
  const scenario = scenarioOf(({ variant, size }) => Promise.resolve(`${variant} ${size}`));
  const print = (line: string): void => void lines.push(line.replace(/\d+\.\d s/, "- s"));
  const tally = await runScenarios(optionsFor(scenario), print, never);
  assertEquals(tally, { passed: 6, failed: 0 });
  assertEquals(lines.length, 6);
  assertEquals(lines[0], "test core on deno, 1 of 3: passed after - s: core 1000");
  assertEquals(lines[5], "test limits on deno, 3 of 3: passed after - s: limits 1000");
});

test("runScenarios() runs what is chosen, on every runtime", async () => {
  const seen: string[] = [];
  const scenario = scenarioOf(({ runtime, variant, size }) => {
    seen.push(`${runtime} ${variant} ${size}`);
    return Promise.resolve("");
  });
  const more: Partial<SoakOptions> = {
    variants: ["lim"],
    runtimes: ["node", "bun"],
    times: 1,
    size: 5,
  };
  await runScenarios(optionsFor(scenario, more), () => {}, never);
  assertEquals(seen, ["node limits 5", "bun limits 5"]);
});

test("runScenarios() goes on after a run that fails, and says why", async () => {
  const lines: string[] = [];
  let runs = 0;
  const scenario = scenarioOf(() => {
    hold(++runs !== 2, "the second did not hold");
    return Promise.resolve("fine");
  });
  const options = optionsFor(scenario, { variants: ["core"] });
  const tally = await runScenarios(options, (line) => void lines.push(line), never);
  assertEquals(tally, { passed: 2, failed: 1 });
  assert(/2 of 3: FAILED after .* s: the second did not hold$/.test(lines[1]!), lines[1]);
});

test("runScenarios() ends a run that takes too long", async () => {
  const scenario = scenarioOf(() => new Promise(() => {}), { timeout: 20, times: 1 });
  const lines: string[] = [];
  const options = optionsFor(scenario, { variants: ["core"] });
  const tally = await runScenarios(options, (line) => void lines.push(line), never);
  assertEquals(tally, { passed: 0, failed: 1 });
  assert(lines[0]!.endsWith("not done within 0.02 s"), lines[0]);
});

test("runScenarios() gives each run a folder and chance of its own, the same ones again by seed", async () => {
  const folders: string[] = [];
  const chance: number[] = [];
  const run = ({ folder, random }: SoakRun): Promise<string> => {
    folders.push(folder);
    chance.push(random.between(0, 1));
    writeFileSync(join(folder, "left"), "behind");
    return Promise.resolve("");
  };
  const options = optionsFor(scenarioOf(run));
  await runScenarios(options, () => {}, never);
  await runScenarios(options, () => {}, never);
  assertEquals(new Set(folders).size, 12);
  assertEquals(folders.filter((folder) => existsSync(folder)), []);
  assertEquals(new Set(chance).size, 6);
  assertEquals(chance.slice(0, 6), chance.slice(6));
});

test("runScenarios() stops when it is told to, and counts what was under way as failed", async () => {
  const stop = new AbortController();
  const scenario = scenarioOf(() => {
    stop.abort(new Error("ended by a test"));
    return new Promise(() => {});
  });
  const tally = await runScenarios(optionsFor(scenario), () => {}, stop.signal);
  assertEquals(tally, { passed: 0, failed: 1 });
});
