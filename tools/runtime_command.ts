/**
 * The command line that runs a TypeScript file of this repository on Deno, Node or Bun: for the sender and receiver
 * processes of the demo, the benchmarks and the tests. Works on all three.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** A runtime that natskit runs on. */
export type Runtime = "deno" | "node" | "bun";

/** A program and its arguments, as `node:child_process` and `Deno.Command` take them. */
export interface RuntimeCommand {
  /** Path or name of the program. */
  command: string;
  /** Its arguments. */
  args: string[];
}

/** The root folder of this repository. */
export const ROOT: string = fileURLToPath(new URL("..", import.meta.url));

/** The runtime that this code runs on. */
function currentRuntime(): Runtime {
  if (process.versions.deno !== undefined) return "deno";
  return process.versions.bun !== undefined ? "bun" : "node";
}

/** Where npm puts the programs of the packages `node` and `bun`, under `node_modules`. */
function installedRuntime(runtime: "node" | "bun"): string {
  const windows = process.platform === "win32";
  const file = runtime === "bun" ? "bun.exe" : windows ? "node.exe" : "node";
  return join(ROOT, "node_modules", runtime, "bin", file);
}

/**
 * Finds the program of a runtime: the current one for its own runtime, the ones in `node_modules` for Node and Bun, and
 * `NATSKIT_DENO` or the `deno` on the path for Deno.
 *
 * @param runtime Which one.
 * @returns Path or name of the program.
 * @throws {Error} Where Node or Bun is not installed.
 */
export function runtimeProgram(runtime: Runtime): string {
  if (runtime === currentRuntime()) return process.execPath;
  if (runtime === "deno") return process.env["NATSKIT_DENO"] ?? "deno";
  const program = installedRuntime(runtime);
  if (existsSync(program)) return program;
  throw new Error(`${runtime} is not installed in node_modules: run "npm ci" in ${ROOT}`);
}

/**
 * The options with which Deno resolves the bare names of this repository: through `deno.json` where JSR answers, through
 * the import map that `deno task` made (`NATSKIT_IMPORT_MAP`) where it does not. What comes from npm either way is taken
 * from Deno's own cache, so that nothing has to be installed first.
 */
export function denoOptions(): string[] {
  const map = process.env["NATSKIT_IMPORT_MAP"];
  const options = [`--config=${join(ROOT, "deno.json")}`, "--node-modules-dir=none"];
  return map === undefined || map === "" ? options : [...options, `--import-map=${map}`];
}

/**
 * The command line that runs a TypeScript file of this repository.
 *
 * @param script Path or `file:` URL of the file.
 * @param args Its arguments.
 * @param runtime Where to run it; the current runtime by default.
 * @returns The program and its arguments.
 * @throws {Error} Where Node or Bun is asked for and not installed.
 *
 * @example Run a script on the runtime that runs the caller
 * ```ts
 * import { spawn } from "node:child_process";
 *
 * const { command, args } = scriptCommand(new URL("../bench/receiver.ts", import.meta.url), ["4222"]);
 * spawn(command, args, { stdio: "inherit" });
 * ```
 */
export function scriptCommand(
  script: string | URL,
  args: readonly string[] = [],
  runtime: Runtime = currentRuntime(),
): RuntimeCommand {
  const path = script instanceof URL || script.startsWith("file:") ? fileURLToPath(script) : script;
  const options = runtime === "deno" ? ["run", "-A", "--quiet", ...denoOptions()] : [];
  return { command: runtimeProgram(runtime), args: [...options, path, ...args] };
}
