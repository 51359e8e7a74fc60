/**
 * `deno task soak`: transfers that are killed, cut, slowed down and attacked, time and again.
 *
 * @module
 */
import process from "node:process";
import { setUp } from "../tools/checks/set_up.ts";
import { parseSoakOptions, usage } from "./options.ts";
import { runScenarios } from "./run_scenarios.ts";
import { SCENARIOS } from "./scenarios.ts";

const interrupted = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => interrupted.abort(new Error(`ended by ${signal}`)));
}
try {
  const options = parseSoakOptions(process.argv.slice(2), SCENARIOS);
  if (options.help) {
    console.log(usage(SCENARIOS));
    process.exit(0);
  }
  const packages = options.runtimes.some((runtime) => runtime !== "deno");
  await setUp({ packages, server: true });
  console.log(`seed ${options.seed}`);
  const { passed, failed } = await runScenarios(options, console.log, interrupted.signal);
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(failed === 0 && passed > 0 ? 0 : 1);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
