/**
 * Counts what passed and failed, and prints a line for each step.
 *
 * @module
 */

/** What a step of the test run found. */
export interface Outcome {
  /** How many passed. */
  passed: number;
  /** How many failed. */
  failed: number;
  /** What to show where something failed. */
  details?: string;
}

/** A step of the test run. */
export interface Step {
  /** Name, for the line about it. */
  name: string;
  /** Does it. What it throws counts as one failure. */
  run(): Promise<Outcome>;
}

/** A step that is one check: it fails where `problem` resolves with a text. */
export function check(name: string, problem: () => Promise<string | undefined>): Step {
  return {
    name,
    run: async () => {
      const details = await problem();
      return details === undefined ? { passed: 1, failed: 0 } : { passed: 0, failed: 1, details };
    },
  };
}

/**
 * Runs steps side by side, and prints a line for each as it ends, with its details if it failed.
 *
 * @param steps What to run, in order.
 * @param jobs How many at a time.
 * @returns The sums.
 */
export async function runSteps(steps: readonly Step[], jobs: number): Promise<Outcome> {
  const total = { passed: 0, failed: 0 };
  const queue = [...steps];
  const work = async (): Promise<void> => {
    for (let step = queue.shift(); step !== undefined; step = queue.shift()) {
      const outcome = await runStep(step);
      total.passed += outcome.passed;
      total.failed += outcome.failed;
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  return total;
}

async function runStep(step: Step): Promise<Outcome> {
  const start = performance.now();
  let outcome: Outcome;
  try {
    outcome = await step.run();
  } catch (error) {
    const details = error instanceof Error ? error.stack ?? error.message : String(error);
    outcome = { passed: 0, failed: 1, details };
  }
  const seconds = ((performance.now() - start) / 1_000).toFixed(1);
  const { passed, failed, details } = outcome;
  const count = passed + failed > 1
    ? `, ${passed} passed${failed ? `, ${failed} failed` : ""}`
    : "";
  console.log(`${failed === 0 ? "ok  " : "FAIL"} ${step.name} (${seconds} s${count})`);
  if (failed > 0 && details) console.log(details.replace(/^/gm, "     "));
  return outcome;
}
