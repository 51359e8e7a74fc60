/**
 * `deno task bench`: how fast natskit is beside the least that could do the same, and how much memory it takes.
 *
 * @module
 */
import process from "node:process";
import { startNatsServer } from "../src/testing/mod.ts";
import { setUp } from "../tools/checks/set_up.ts";
import type { Contender } from "./bench_table.ts";
import { type BenchOptions, parseBenchOptions, USAGE } from "./options.ts";
import { formatResult } from "./report.ts";
import { type Run, runTable, type TableResult } from "./run_table.ts";
import { TABLES } from "./tables.ts";
import { allMet } from "./verdicts.ts";

/** Room for a chunk of 2 MB and its headers, and for the largest that the chunked protocol knows. */
const MAX_PAYLOAD = 8 * 1024 * 1024;

function logRun(runtime: string, { name }: Contender, round: number, run: Run): void {
  const what = "error" in run
    ? run.error
    : `${(run.measured.bytes / 1e3 / run.measured.ms).toFixed(0)} MB/s`;
  const when = round < 0 ? "warm-up" : `round ${round + 1}`;
  process.stderr.write(`${runtime}, ${when}, ${name}: ${what}\n`);
}

async function measure(options: BenchOptions, signal: AbortSignal): Promise<TableResult[]> {
  const { runtimes, rounds, size, json } = options;
  if (runtimes.some((runtime) => runtime !== "deno")) {
    await setUp({ packages: true, server: false });
  }
  await using server = await startNatsServer({ maxPayload: MAX_PAYLOAD, signal });
  const { url } = server;
  const results: TableResult[] = [];
  for (const runtime of runtimes) {
    for (const table of TABLES.filter(({ name }) => options.tables.includes(name))) {
      const onRun = (contender: Contender, round: number, run: Run): void => {
        signal.throwIfAborted();
        logRun(runtime, contender, round, run);
      };
      const result = await runTable(table, { runtime, url, size, rounds, onRun });
      results.push(result);
      if (!json) console.log(`\n${formatResult(result)}\n`);
    }
  }
  return results;
}

const interrupted = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => interrupted.abort(new Error(`ended by ${signal}`)));
}
try {
  const options = parseBenchOptions(process.argv.slice(2), TABLES);
  if (options.help) {
    console.log(USAGE);
    process.exit(0);
  }
  const results = await measure(options, interrupted.signal);
  if (options.json) console.log(JSON.stringify(results, null, 2));
  const whole = results.every(({ contenders }) => contenders.every(({ ok }) => ok));
  process.exit(whole && (!options.check || results.every(allMet)) ? 0 : 1);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
