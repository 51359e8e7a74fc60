/**
 * Checks and runs the examples, and the programs in the documentation, each against a NATS server of its own.
 *
 * @module
 */
import { join, relative } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import {
  npmImports,
  ownImports,
  readDenoManifest,
  readNpmManifest,
  withSubpaths,
  writeCached,
} from "../registry.ts";
import { denoOptions, ROOT, scriptCommand } from "../runtime_command.ts";
import { sourceFiles } from "../source_files.ts";
import { runProgram, tail } from "./process.ts";
import { allSnippets, type Snippet, writeSnippets } from "./snippets.ts";
import { check, type Step } from "./tally.ts";

/** Longest run of an example, in milliseconds. */
const PROGRAM_TIMEOUT = 30_000;

/** The names that npm users import, and the sources behind them. */
function npmOwnImports(): Record<string, string> {
  const { name, exports } = readNpmManifest();
  const own = ownImports();
  const jsrName = readDenoManifest().name;
  const names = Object.keys(exports).filter((entry) => !entry.endsWith(".json"));
  return Object.fromEntries(names.map((entry) => {
    const path = entry.slice(1);
    const adapter = pathToFileURL(join(ROOT, "src", "adapters", `${path}.ts`)).href;
    return [name + path, own[jsrName + path] ?? adapter];
  }));
}

/**
 * Deno's options for documentation.
 *
 * @param forNpm Whether it is written for users of npm, whose packages all come from there.
 */
function documentationOptions(forNpm: boolean): string[] {
  const fromNpm = forNpm || process.env["NATSKIT_REGISTRY"] === "npm";
  const imports = fromNpm ? npmImports() : withSubpaths(readDenoManifest().imports);
  const own = forNpm ? npmOwnImports() : ownImports();
  const name = forNpm ? "npm_documentation_map.json" : "documentation_map.json";
  return [
    `--config=${join(ROOT, "deno.json")}`,
    `--import-map=${writeCached(name, { imports: { ...imports, ...own } })}`,
    "--node-modules-dir=none",
  ];
}

/** Whether a snippet imports this package by its name on npm. */
function isForNpm({ code }: Snippet): boolean {
  return new RegExp(`from "${readNpmManifest().name}["/]`).test(code);
}

/** Names the line of the documentation in a complaint about a file that was made of it. */
function namePlaces(output: string, snippets: readonly { place: string; path: string }[]): string {
  return snippets.reduce(
    (text, { place, path }) => text.replaceAll(path, `${path} (${place})`),
    output,
  );
}

async function runWithServer(
  path: string,
  options: readonly string[],
): Promise<string | undefined> {
  const runner = scriptCommand(join(ROOT, "tools", "checks", "with_server.ts"), [
    Deno.execPath(),
    "run",
    "-A",
    "--quiet",
    "--no-check",
    ...options,
    path,
  ]);
  const { code, output } = await runProgram(runner.command, runner.args, {
    timeout: PROGRAM_TIMEOUT,
  });
  return code === 0 ? undefined : tail(output);
}

/** The steps that run the examples; their types are checked with those of the sources. */
export function exampleSteps(): Step[] {
  return sourceFiles("examples").map((path) =>
    check(relative(ROOT, path), () => runWithServer(path, denoOptions()))
  );
}

/** The steps that check the types of the snippets in the documentation, and run those that are programs. */
export function snippetSteps(): Step[] {
  const snippets = allSnippets();
  const paths = writeSnippets(snippets);
  return [false, true].flatMap((forNpm) => {
    const options = documentationOptions(forNpm);
    const chosen = snippets.flatMap((snippet, index) =>
      isForNpm(snippet) === forNpm ? [{ ...snippet, path: paths[index]! }] : []
    );
    if (chosen.length === 0) return [];
    const types = check(`types of the snippets for ${forNpm ? "npm" : "JSR"}`, async () => {
      const args = ["check", "--quiet", ...options, ...chosen.map(({ path }) => path)];
      const { code, output } = await runProgram(Deno.execPath(), args);
      return code === 0 ? undefined : tail(namePlaces(output, chosen));
    });
    const programs = chosen.filter(({ runs }) => runs).map(({ place, path }) =>
      check(`snippet ${place}`, () => runWithServer(path, options))
    );
    return [types, ...programs];
  });
}
