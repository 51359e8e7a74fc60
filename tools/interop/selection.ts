/**
 * The arguments of `deno task interop`.
 *
 * @module
 */
import type { Runtime } from "../runtime_command.ts";
import { type Language, LANGUAGES } from "./languages.ts";

const RUNTIMES: readonly Runtime[] = ["deno", "node", "bun"];

/** What to prove. */
export interface Selection {
  languages: readonly Language[];
  runtimes: readonly Runtime[];
}

function choose<T extends string>(flag: string, value: string, known: readonly T[]): T[] {
  const chosen = value.split(",");
  const unknown = chosen.find((name) => !known.some((one) => one === name));
  if (unknown === undefined) return chosen as T[];
  throw new TypeError(
    `--${flag} names ${JSON.stringify(unknown)}: want some of ${known.join(",")}`,
  );
}

/**
 * Reads the arguments.
 *
 * @param args Such as `--only=go,rust` and `--runtime=node`; everything where none is given.
 * @throws {TypeError} Names what is not known, and what is.
 */
export function parseSelection(args: readonly string[]): Selection {
  const selection: { languages: readonly Language[]; runtimes: readonly Runtime[] } = {
    languages: LANGUAGES,
    runtimes: RUNTIMES,
  };
  for (const arg of args) {
    const [, flag, value] = arg.match(/^--(only|runtime)=(.*)$/) ?? [];
    if (flag === "only") selection.languages = choose(flag, value!, LANGUAGES);
    else if (flag === "runtime") selection.runtimes = choose(flag, value!, RUNTIMES);
    else {
      throw new TypeError(
        `unknown argument ${
          JSON.stringify(arg)
        }: want --only=go,rust,python or --runtime=deno,node,bun`,
      );
    }
  }
  return selection;
}
