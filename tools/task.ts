/**
 * Starts every task of `deno.json`: chooses the registry, sees that the packages are at hand, and runs the task's file.
 * Imports nothing but built-ins, so that it starts without any registry.
 *
 * @module
 */
import { join } from "node:path";
import process from "node:process";
import { explainMissing, isUnreachable } from "./missing_packages.ts";
import { chooseRegistry, npmImports, ownImports, type Registry, writeCached } from "./registry.ts";
import { denoOptions, ROOT, scriptCommand } from "./runtime_command.ts";
import { sourceFiles } from "./source_files.ts";

/** What a task runs. */
interface Task {
  /** The file, from the root. */
  file: string;
  /** Arguments that come before the caller's. */
  args?: string[];
  /** Files beside it and the entry points whose imports must be at hand; ends in a slash for a folder. */
  needs?: string[];
}

const TASKS: Record<string, Task> = {
  demo: { file: "tools/demo.ts" },
  bench: { file: "bench/main.ts" },
  soak: { file: "soak/main.ts", needs: ["soak/"] },
  test: { file: "tools/test.ts", needs: ["tests/", "bench/", "examples/", "soak/"] },
  check: {
    file: "tools/test.ts",
    args: ["--checks"],
    needs: ["tests/", "bench/", "examples/", "soak/"],
  },
  build: { file: "tools/build_npm.ts" },
  interop: { file: "tools/interop.ts", needs: ["tools/interop/"] },
};

function setRegistry(registry: Registry): void {
  const map = registry === "npm" ? writeCached("import_map.json", { imports: npmImports() }) : "";
  process.env["NATSKIT_REGISTRY"] = registry;
  process.env["NATSKIT_IMPORT_MAP"] = map;
}

/** The TypeScript files whose imports a task needs. */
function neededFiles(task: Task): string[] {
  const named = (task.needs ?? []).flatMap((folder) => sourceFiles(folder));
  return [join(ROOT, task.file), ...Object.values(ownImports()), ...named];
}

/** Fetches what the files import into Deno's cache; returns what Deno said where that failed. */
async function fetchPackages(files: string[]): Promise<string | undefined> {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["cache", "--quiet", ...denoOptions(), ...files],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stderr: "piped",
  }).output();
  return code === 0 ? undefined : new TextDecoder().decode(stderr).trim();
}

/** Chooses the registry, fetches the packages, and tells the processes that follow through the environment. */
async function preparePackages(task: Task): Promise<void> {
  const files = neededFiles(task);
  const { registry, reason } = await chooseRegistry();
  setRegistry(registry);
  const report = await fetchPackages(files);
  if (report === undefined) {
    if (reason !== undefined) {
      console.error(`${reason}: packages come from npm, with transport-node on Deno`);
    }
    return;
  }
  if (!isUnreachable(report)) throw new Error(report);
  if (registry === "jsr") throw new Error(explainMissing(report, "JSR cannot be reached"));
  // Without a network, what an earlier run had from JSR does as well.
  setRegistry("jsr");
  if (await fetchPackages(files) === undefined) return;
  throw new Error(explainMissing(report, `${reason}, npm neither`));
}

async function main([name, ...args]: string[]): Promise<number> {
  const task = name === undefined ? undefined : TASKS[name];
  if (task === undefined) {
    throw new TypeError(`no task "${name}": want one of ${Object.keys(TASKS).join(", ")}`);
  }
  process.env["NATSKIT_DENO"] = Deno.execPath();
  await preparePackages(task);
  const { command, args: line } = scriptCommand(join(ROOT, task.file), [
    ...task.args ?? [],
    ...args,
  ]);
  const child = new Deno.Command(command, { args: line }).spawn();
  // A terminal sends Ctrl-C to the child as well, which cleans up; this process only waits for it.
  Deno.addSignalListener("SIGINT", () => {});
  if (process.platform !== "win32") {
    Deno.addSignalListener("SIGTERM", () => child.kill("SIGTERM"));
  }
  return (await child.status).code;
}

try {
  Deno.exit(await main(Deno.args));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  Deno.exit(1);
}
