/**
 * natskit against peers in other languages, which are written from the protocol alone. Prints a table of cells for each
 * capability; the last line alone is `N passed, N failed`. What is missing fails, and never skips.
 *
 * `deno task interop [--only=go,rust,python] [--runtime=deno,node,bun]`: natskit runs on Deno with every payload, and on
 * Node and Bun with a few; the first runtime named proves everything.
 *
 * @module
 */
import process from "node:process";
import { setUp } from "./checks/set_up.ts";
import type { Outcome } from "./checks/tally.ts";
import { runTables } from "./interop/cell.ts";
import { chunkedTables } from "./interop/cells/chunked.ts";
import { vectorTables } from "./interop/cells/vectors.ts";
import { parseSelection } from "./interop/selection.ts";
import { openSetting } from "./interop/setting.ts";

/** How many rows run side by side: the peers are processes of their own. */
const JOBS = 2;

async function runAll(args: readonly string[]): Promise<Outcome> {
  const { languages, runtimes } = parseSelection(args);
  await setUp({ packages: runtimes.some((runtime) => runtime !== "deno"), server: true });
  await using setting = await openSetting(languages, runtimes);
  return await runTables([...chunkedTables(setting), ...vectorTables(setting)], JOBS);
}

let outcome: Outcome = { passed: 0, failed: 1 };
try {
  outcome = await runAll(process.argv.slice(2));
} catch (error) {
  console.log(error instanceof Error ? error.message : error);
}
console.log(`${outcome.passed} passed, ${outcome.failed} failed`);
process.exit(outcome.failed === 0 ? 0 : 1);
