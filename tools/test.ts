/**
 * Everything that must hold, in one run: the checks of {@linkcode staticChecks}, every test file on Deno, Node and Bun,
 * the examples and the snippets of the documentation. The last line alone is `N passed, N failed`.
 *
 * `deno task test [path …] [--deno] [--node] [--bun] [--checks]`: paths narrow the test files; naming a path or a
 * runtime leaves out everything but test files; `--checks` runs the static checks alone.
 *
 * @module
 */
import { availableParallelism } from "node:os";
import { join, resolve, sep } from "node:path";
import process from "node:process";
import { exampleSteps, snippetSteps } from "./checks/programs.ts";
import { endPrograms } from "./checks/process.ts";
import { setUp } from "./checks/set_up.ts";
import { staticChecks, tidyUp } from "./checks/static_checks.ts";
import { suiteSteps } from "./checks/suites.ts";
import { type Outcome, runSteps, type Step } from "./checks/tally.ts";
import { ROOT, type Runtime } from "./runtime_command.ts";
import { sourceFiles } from "./source_files.ts";

const RUNTIMES: readonly Runtime[] = ["deno", "node", "bun"];

/** How many processes run side by side: test files start servers and measure time, so not too many. */
const JOBS: number = Math.min(4, availableParallelism());

interface Selection {
  checks: boolean;
  suites: boolean;
  programs: boolean;
  paths: string[];
  runtimes: Runtime[];
}

function parseArguments(args: readonly string[]): Selection {
  const flags = args.filter((arg) => arg.startsWith("--")).map((arg) => arg.slice(2));
  const paths = args.filter((arg) => !arg.startsWith("--"));
  const runtimes = RUNTIMES.filter((runtime) => flags.includes(runtime));
  const unknown = flags.find((flag) => flag !== "checks" && !RUNTIMES.includes(flag as Runtime));
  if (unknown !== undefined) {
    throw new TypeError(`unknown option --${unknown}: want --deno, --node, --bun or --checks`);
  }
  const checksOnly = flags.includes("checks");
  const narrowed = paths.length > 0 || runtimes.length > 0;
  return {
    checks: checksOnly || !narrowed,
    suites: !checksOnly,
    programs: !checksOnly && !narrowed,
    paths,
    runtimes: runtimes.length > 0 ? runtimes : [...RUNTIMES],
  };
}

/** The test files at or under the paths; all of them where none is given. */
function selectTests(paths: readonly string[]): string[] {
  const all = sourceFiles("tests", "_test.ts");
  if (paths.length === 0) return all;
  const wanted = paths.map((path) => resolve(ROOT, path));
  const files = all.filter((file) =>
    wanted.some((path) => file === path || file.startsWith(path + sep))
  );
  if (files.length === 0) throw new TypeError(`no test file at ${paths.join(", ")}`);
  return files;
}

async function runAll(selection: Selection): Promise<Outcome> {
  const { checks, suites, programs, paths, runtimes } = selection;
  const files = suites ? selectTests(paths) : [];
  const repository = files.some((file) => file.startsWith(join(ROOT, "tests", "repo")));
  const packages = checks || repository || runtimes.some((runtime) => runtime !== "deno");
  await setUp({ packages, server: suites });
  // The checks come first and by themselves: one of them builds the npm package that tests of the repository use.
  const stages: Step[][] = [
    checks ? staticChecks() : [],
    suites ? suiteSteps(files, runtimes) : [],
    programs ? [...exampleSteps(), ...snippetSteps()] : [],
  ];
  const total = { passed: 0, failed: 0 };
  for (const steps of stages) {
    const { passed, failed } = await runSteps(steps, JOBS);
    total.passed += passed;
    total.failed += failed;
  }
  return total;
}

async function main(): Promise<number> {
  let outcome: Outcome = { passed: 0, failed: 1 };
  try {
    outcome = await runAll(parseArguments(Deno.args));
  } catch (error) {
    console.log(error instanceof Error ? error.message : error);
  } finally {
    tidyUp();
  }
  console.log(`${outcome.passed} passed, ${outcome.failed} failed`);
  return outcome.failed === 0 ? 0 : 1;
}

if (process.platform !== "win32") {
  Deno.addSignalListener("SIGTERM", () => {
    endPrograms();
    process.exit(143);
  });
}
process.exit(await main());
