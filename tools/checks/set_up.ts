/**
 * What the tests need on a fresh machine: the npm packages with Node and Bun among them, and a NATS server.
 *
 * @module
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT, scriptCommand } from "../runtime_command.ts";
import { runNpm, runProgram, tail } from "./process.ts";

interface LockFile {
  packages: Record<string, { version?: string; optional?: boolean; link?: boolean }>;
}

/** Whether `node_modules` holds what `package-lock.json` asks for. */
function isInstalled(): boolean {
  const installedLock = join(ROOT, "node_modules", ".package-lock.json");
  if (!existsSync(installedLock)) return false;
  const wanted = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")) as LockFile;
  const installed = JSON.parse(readFileSync(installedLock, "utf8")) as LockFile;
  return Object.entries(wanted.packages).every(([path, { version, optional }]) =>
    path === "" || optional || installed.packages[path]?.version === version
  );
}

/** The errors among what npm printed. */
function withoutWarnings(output: string): string {
  return tail(output.replaceAll(/^npm warn .*\n/gm, ""), 15);
}

const NO_PACKAGES = [
  "Cannot install the packages of package.json, which bring Node 24 and Bun. Any one of these provides them:",
  "  - run the same task once with a network; from then on it works without",
  "  - name an npm registry that can be reached: npm config set registry <address>",
  "  - copy node_modules from a checkout on the same kind of machine where the task ran before",
].join("\n");

/** Installs the npm packages where they are missing or out of date. */
async function installPackages(): Promise<void> {
  if (isInstalled()) return;
  console.log("npm ci: Node 24, Bun and the packages of package.json");
  const bounds = ["--fetch-retries=2", "--fetch-retry-mintimeout=1000", "--fetch-timeout=60000"];
  const { code, output } = await runNpm(["ci", "--prefer-offline", ...bounds]);
  if (code === 127) throw new Error(`${NO_PACKAGES}\nnpm is not on the path: install Node first.`);
  if (code !== 0) throw new Error(`${NO_PACKAGES}\nnpm says:\n${withoutWarnings(output)}`);
}

/** The runtimes that npm brings, the script that fetches the program of each, and what its version starts with. */
const RUNTIMES: readonly { name: "node" | "bun"; script: string; version: string }[] = [
  { name: "node", script: "installArchSpecificPackage.js", version: "v24." },
  { name: "bun", script: "install.js", version: "1." },
];

async function versionOf(program: string): Promise<string> {
  const { code, output } = await runProgram(program, ["--version"], { timeout: 30_000 });
  return code === 0 ? output.trim() : "";
}

/**
 * Makes sure that the `node` or `bun` package in a project can run: where npm did not run its install script, this does.
 *
 * @param project The folder that holds `node_modules`.
 * @param name Which of the two.
 * @param version What its version must start with.
 * @returns Path of the program.
 * @throws {Error} Where it cannot be made to run.
 */
export async function ensureRuntime(
  project: string,
  name: "node" | "bun",
  version: string,
): Promise<string> {
  const home = join(project, "node_modules", name);
  const file = name === "bun" || Deno.build.os === "windows" ? `${name}.exe` : name;
  const program = join(home, "bin", file);
  if ((await versionOf(program)).startsWith(version)) return program;
  const script = RUNTIMES.find((runtime) => runtime.name === name)!.script;
  const { output } = await runProgram("node", [script], { cwd: home, timeout: 300_000 });
  const found = await versionOf(program);
  if (found.startsWith(version)) return program;
  throw new Error(
    `${program} does not run, although npm installed it: version ${
      found || "unknown"
    }, want ${version}\n` +
      `${NO_PACKAGES}\nIts install script says:\n${tail(output, 15)}`,
  );
}

/** Gets the NATS server once, before many test files ask for it at the same time. */
async function provideServer(): Promise<void> {
  const { command, args } = scriptCommand(join(ROOT, "tools", "checks", "provide_server.ts"));
  // It says itself what it does, which may take a minute, and what is missing.
  const { success } = await new Deno.Command(command, { args, stdin: "null" }).spawn().status;
  if (!success) throw new Error("Without a NATS server nothing can be tested.");
}

async function provideRuntimes(): Promise<void> {
  await installPackages();
  for (const { name, version } of RUNTIMES) await ensureRuntime(ROOT, name, version);
}

/**
 * Sets everything up that is missing.
 *
 * @param needs What the run is going to use.
 * @throws {Error} With one message that says what could not be had and how to provide it.
 */
export async function setUp(needs: { packages: boolean; server: boolean }): Promise<void> {
  if (needs.packages) await provideRuntimes();
  if (needs.server) await provideServer();
}
