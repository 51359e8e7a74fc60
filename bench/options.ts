/**
 * The command line of the benchmark.
 *
 * @module
 */
import { parseArgs } from "node:util";
import type { Runtime } from "../tools/runtime_command.ts";

/** What is to be measured. */
export interface BenchOptions {
  /** Names of tables, or parts of them; none for all. */
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

  --runtime=deno,node,bun  where the measured processes run (deno)
  --rounds=10              interleaved rounds that are measured
  --size=1GB               bytes of one transfer, such as 500000, 64MB or 1GB
  --quick                  3 rounds of 128 MB, unless said otherwise
  --json                   print the results as JSON
  --check                  exit with 1 where a ratio or the memory misses what is wanted`;

const RUNTIMES: readonly string[] = ["deno", "node", "bun"];
const UNITS: Readonly<Record<string, number>> = { "": 1, KB: 1e3, MB: 1e6, GB: 1e9 };

/**
 * Reads the command line.
 *
 * @param args The arguments.
 * @param tables The names that there are.
 * @throws {TypeError | RangeError} Names what is wrong.
 */
export function parseBenchOptions(
  args: readonly string[],
  tables: readonly string[],
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
  for (const wanted of positionals) {
    if (!tables.some((name) => name.includes(wanted))) {
      throw new RangeError(`no table is called "${wanted}", there are ${tables.join(", ")}`);
    }
  }
  const { quick, json, check, help } = values;
  return {
    tables: tables.filter((name) =>
      positionals.length === 0 || positionals.some((wanted) => name.includes(wanted))
    ),
    runtimes: parseRuntimes(values.runtime),
    rounds: parseRounds(values.rounds ?? (quick ? "3" : "10")),
    size: parseSize(values.size ?? (quick ? "128MB" : "1GB")),
    json,
    check,
    help,
  };
}

function parseRuntimes(text: string): Runtime[] {
  return text.split(",").map((name) => {
    if (!RUNTIMES.includes(name)) {
      throw new RangeError(`--runtime names "${name}", wanted are ${RUNTIMES.join(", ")}`);
    }
    return name as Runtime;
  });
}

function parseRounds(text: string): number {
  const rounds = Number(text);
  if (Number.isSafeInteger(rounds) && rounds > 0) return rounds;
  throw new RangeError(`--rounds is "${text}", wanted is a whole number above 0`);
}

function parseSize(text: string): number {
  const [, digits = "", unit = ""] = text.match(/^(\d+)([KMG]B)?$/i) ?? [];
  const size = Number(digits) * (UNITS[unit.toUpperCase()] ?? 1);
  if (Number.isSafeInteger(size) && size > 0) return size;
  throw new RangeError(`--size is "${text}", wanted are bytes, such as 500000, 64MB or 1GB`);
}
