/**
 * The command line of the benchmark.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { parseCount, parseRuntimes, parseSize } from "../tools/command_line.ts";
import type { Runtime } from "../tools/runtime_command.ts";
import type { BenchTable } from "./bench_table.ts";

/** What is to be measured. */
export interface BenchOptions {
  /** The tables. */
  tables: string[];
  /** Where the measured processes run. */
  runtimes: Runtime[];
  /** How many rounds are measured. */
  rounds: number;
  /** Bytes of one transfer. */
  size: number;
  /** Whether the results are printed as JSON. */
  json: boolean;
  /** Whether what is wanted and was missed makes the exit code 1. */
  check: boolean;
  /** Whether only the usage is asked for. */
  help: boolean;
}

/** What can be asked for. */
export const USAGE: string = `deno task bench [table …] [options]

A table is named by its name or a part of it; jetstream_peers, which needs Go and Rust, runs only
where it is named.

  --runtime=deno,node,bun  where the measured processes run (deno)
  --rounds=10              interleaved rounds that are measured
  --size=1GB               bytes of one transfer, such as 500000, 64MB or 1GB
  --quick                  3 rounds of 128 MB, unless said otherwise
  --json                   print the results as JSON
  --check                  exit with 1 where a ratio or the memory misses what is wanted`;

/**
 * Reads the command line.
 *
 * @param args The arguments.
 * @param tables What there is.
 * @throws {TypeError | RangeError} Names what is wrong.
 */
export function parseBenchOptions(
  args: readonly string[],
  tables: readonly Pick<BenchTable, "name" | "onRequest">[],
): BenchOptions {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      runtime: { type: "string", default: "deno" },
      rounds: { type: "string" },
      size: { type: "string" },
      quick: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      check: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  const names = tables.map(({ name }) => name);
  const named = new Set(positionals.flatMap((wanted) => {
    if (names.includes(wanted)) return [wanted];
    const found = names.filter((name) => name.includes(wanted));
    if (found.length > 0) return found;
    throw new RangeError(`no table is called "${wanted}", there are ${names.join(", ")}`);
  }));
  const { quick, json, check, help } = values;
  return {
    tables: tables.filter(({ name, onRequest }) =>
      positionals.length === 0 ? !onRequest : named.has(name)
    ).map(({ name }) => name),
    runtimes: parseRuntimes(values.runtime),
    rounds: parseCount("--rounds", values.rounds ?? (quick ? "3" : "10")),
    size: parseSize("--size", values.size ?? (quick ? "128MB" : "1GB")),
    json,
    check,
    help,
  };
}
