/**
 * The command line of the soak runs.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { tmpdir } from "node:os";
import { parseCount, parseRuntimes, parseSize } from "../tools/command_line.ts";
import type { Runtime } from "../tools/runtime_command.ts";
import type { Scenario } from "./scenario.ts";

/** What is to be run. */
export interface SoakOptions {
  /** The scenarios. */
  scenarios: Scenario[];
  /** Parts of the names of variants; none for all. */
  variants: string[];
  /** Where the senders and receivers run. */
  runtimes: Runtime[];
  /** How often; `undefined` for what each scenario has. */
  times: number | undefined;
  /** Bytes of one upload; `undefined` for what each scenario has. */
  size: number | undefined;
  /** How many messages a hostile sender sends. */
  messages: number;
  /** The seed of all chance. */
  seed: number;
  /** Where folders are made, the server's store among them. */
  folder: string;
  /** Whether only the usage is asked for. */
  help: boolean;
}

/**
 * Says what can be asked for.
 *
 * @param scenarios What there is.
 */
export function usage(scenarios: readonly Scenario[]): string {
  const width = Math.max(...scenarios.map(({ name }) => name.length));
  const names = scenarios.map(({ name, title }) => `  ${name.padEnd(width)}  ${title}`);
  return `deno task soak <name …> [options]

${names.join("\n")}

  --runtime=deno,node,bun  where the senders and receivers run (deno)
  --times=20               how often each variant is run
  --variant=core           only variants with this in their name; several with commas
  --size=10GB              bytes of one upload
  --messages=1000000       messages of the hostile sender
  --seed=1                 the same chance again
  --folder=/tmp            where the server's store and the files go`;
}

/**
 * Reads the command line.
 *
 * @param args The arguments.
 * @param scenarios What there is.
 * @throws {TypeError | RangeError} Names what is wrong.
 */
export function parseSoakOptions(
  args: readonly string[],
  scenarios: readonly Scenario[],
): SoakOptions {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      runtime: { type: "string", default: "deno" },
      times: { type: "string" },
      variant: { type: "string" },
      size: { type: "string" },
      messages: { type: "string", default: "1000000" },
      seed: { type: "string" },
      folder: { type: "string", default: tmpdir() },
      help: { type: "boolean", default: false },
    },
  });
  const names = scenarios.map(({ name }) => name);
  const chosen = positionals.map((wanted) => {
    const found = scenarios.find(({ name }) => name === wanted);
    if (found) return found;
    throw new RangeError(`no scenario is called "${wanted}", there are ${names.join(", ")}`);
  });
  const { times, size, seed, folder, help } = values;
  if (chosen.length === 0 && !help) {
    throw new TypeError(`no scenario is named, there are ${names.join(", ")}`);
  }
  const variants = values.variant?.split(",") ?? [];
  const all = chosen.flatMap((scenario) => scenario.variants);
  for (const wanted of variants) {
    if (all.some((name) => name.includes(wanted))) continue;
    throw new RangeError(`--variant names "${wanted}", there are ${all.join(", ")}`);
  }
  return {
    scenarios: chosen,
    variants,
    runtimes: parseRuntimes(values.runtime),
    times: times === undefined ? undefined : parseCount("--times", times),
    size: size === undefined ? undefined : parseSize("--size", size),
    messages: parseCount("--messages", values.messages),
    seed: seed === undefined ? Math.floor(Math.random() * 2 ** 31) : parseCount("--seed", seed),
    folder,
    help,
  };
}
