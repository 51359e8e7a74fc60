import { assert, assertEquals } from "@std/assert";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { evalCommand, isRunning, runtimeCommand, temporaryFolder, until } from "./_helpers.ts";

/** These start processes that start processes, on a machine that may be busy. */
const LIMIT = { timeout: 90_000 };

const CALLER = fileURLToPath(new URL("./_doomed_caller.ts", import.meta.url));

const WATCHER = fileURLToPath(new URL("./_watching_caller.ts", import.meta.url));

interface Report {
  pids: number[];
  folders: string[];
}

/** Starts a TypeScript file in a process of its own and waits for the first line that it prints. */
async function startProcess(
  file: string,
  ...args: string[]
): Promise<{ caller: ChildProcess; line: string }> {
  const caller = spawn(process.execPath, [...runtimeCommand(file), ...args], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  let output = "";
  caller.stdout!.setEncoding("utf8").on("data", (text: string) => output += text);
  await until("the process printed a line", () => output.includes("\n"), 60_000);
  return { caller, line: output };
}

async function assertNothingLeft({ pids, folders }: Report): Promise<void> {
  assertEquals([pids.length, folders.length], [3, 4]);
  await until("the servers are gone", () => !pids.some(isRunning));
  await until("their folders are gone", () => !folders.some((folder) => existsSync(folder)));
}

for (const mode of ["killed", "paused", "throws", "exits", "ends"]) {
  test(
    `startNatsServer() leaves nothing behind when its caller is gone (${mode})`,
    LIMIT,
    async () => {
      if (mode === "paused" && process.platform === "win32") return;
      const { caller, line } = await startProcess(CALLER, mode);
      const report = JSON.parse(line) as Report;
      const exited = caller.exitCode === null && caller.signalCode === null
        ? once(caller, "exit")
        : Promise.resolve();
      if (mode === "killed" || mode === "paused") {
        assertEquals(report.pids.filter((pid) => !isRunning(pid)), []);
        caller.kill("SIGKILL");
      }
      await exited;
      await assertNothingLeft(report);
    },
  );
}

test(
  "watchFolder() finds a process that only the pid file in the folder names",
  LIMIT,
  async () => {
    await using parent = await temporaryFolder();
    const folder = join(parent.path, "watched");
    mkdirSync(folder);
    const stray = spawn(process.execPath, evalCommand("setInterval(() => {}, 1000)"), {
      stdio: "ignore",
    });
    writeFileSync(join(folder, "nats.pid"), String(stray.pid));
    const { caller } = await startProcess(WATCHER, folder);
    assert(isRunning(stray.pid!) && existsSync(folder));
    caller.kill("SIGKILL");
    await until("the folder is gone", () => !existsSync(folder));
    await until("the process is gone", () => !isRunning(stray.pid!));
  },
);

test("release() and ended() leave a folder and a process alone", LIMIT, async () => {
  await using parent = await temporaryFolder();
  const [watched, released] = [join(parent.path, "watched"), join(parent.path, "released")];
  mkdirSync(watched);
  mkdirSync(released);
  const bystander = spawn(process.execPath, evalCommand("setInterval(() => {}, 1000)"), {
    stdio: "ignore",
  });
  const { caller } = await startProcess(WATCHER, watched!, released!, String(bystander.pid));
  caller.kill("SIGKILL");
  await until("the watched folder is gone", () => !existsSync(watched));
  assert(existsSync(released), "the released folder is there");
  assert(isRunning(bystander.pid!), "the process that was said to have ended runs");
  bystander.kill("SIGKILL");
});

test("watchFolder() starts its watchdog again when that was killed", LIMIT, async () => {
  if (process.platform !== "linux") return;
  await using parent = await temporaryFolder();
  const folder = join(parent.path, "watched");
  mkdirSync(folder);
  const { caller } = await startProcess(WATCHER, folder);
  const children = (): number[] =>
    readFileSync(`/proc/${caller.pid}/task/${caller.pid}/children`, "utf8")
      .split(" ").filter((pid) => pid !== "").map(Number).filter(isRunning);
  const alive = Date.now();
  await until("the watchdog has run for a while", () => Date.now() - alive > 1_200);
  const [first] = children();
  process.kill(first!, "SIGKILL");
  await until("another runs", () => children().some((pid) => pid !== first));
  caller.kill("SIGKILL");
  await until("the folder is gone", () => !existsSync(folder));
});
