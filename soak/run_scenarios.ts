/**
 * Runs scenarios, and counts what held.
 *
 * @module
 */
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Runtime } from "../tools/runtime_command.ts";
import type { SoakOptions } from "./options.ts";
import { createRandom, seedOf } from "./random.ts";
import type { Scenario } from "./scenario.ts";

/** How many runs held, and how many did not. */
export interface Tally {
  /** Runs in which everything held. */
  passed: number;
  /** Runs in which something did not. */
  failed: number;
}

/** One run that is to be done. */
interface Turn {
  readonly scenario: Scenario;
  readonly runtime: Runtime;
  readonly variant: string;
  readonly number: number;
  readonly of: number;
}

/**
 * Runs every chosen variant as often as wanted. A run that fails does not end the others.
 *
 * @param options What is chosen.
 * @param print Takes one line for each run.
 * @param signal Ends the runs; the one that is under way counts as failed.
 */
export async function runScenarios(
  options: SoakOptions,
  print: (line: string) => void,
  signal: AbortSignal,
): Promise<Tally> {
  const tally: Tally = { passed: 0, failed: 0 };
  for (const turn of turns(options)) {
    if (signal.aborted) break;
    const { scenario, runtime, variant, number, of } = turn;
    const name = `${scenario.name} ${variant} on ${runtime}`;
    const seed = seedOf(options.seed, `${name} ${number}`);
    const startedAt = performance.now();
    const line = (verdict: string, words: string): void => {
      const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
      print(`${name}, ${number} of ${of}: ${verdict} after ${seconds} s: ${words}`);
    };
    try {
      const words = await runOnce(turn, options, seed, signal);
      tally.passed++;
      line("passed", words);
    } catch (error) {
      tally.failed++;
      line("FAILED", error instanceof Error ? error.message : String(error));
    }
  }
  return tally;
}

function* turns({ scenarios, runtimes, variants, times }: SoakOptions): Iterable<Turn> {
  for (const scenario of scenarios) {
    const chosen = scenario.variants.filter((name) =>
      variants.length === 0 || variants.some((wanted) => name.includes(wanted))
    );
    const of = times ?? scenario.times;
    for (const runtime of runtimes) {
      for (const variant of chosen) {
        for (let number = 1; number <= of; number++) {
          yield { scenario, runtime, variant, number, of };
        }
      }
    }
  }
}

async function runOnce(
  { scenario, runtime, variant }: Turn,
  { size = scenario.size, messages, folder: parent }: SoakOptions,
  seed: number,
  signal: AbortSignal,
): Promise<string> {
  const { timeout } = scenario;
  const folder = mkdtempSync(join(parent, "natskit-soak-"));
  const random = createRandom(seed);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const given = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done within ${timeout / 1_000} s`)), timeout);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
  try {
    const run = { runtime, variant, size, messages, random, folder, timeout };
    return await Promise.race([scenario.run(run), given]);
  } finally {
    clearTimeout(timer);
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
