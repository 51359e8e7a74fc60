import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { appendFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

/**
 * Run by the runtime that the caller runs on, detached from it. When standard input ends, however the caller ended, it
 * reads the list: `+folder` and `-folder` say what to remove, `>pid` and `<pid` what to kill. A server that the caller
 * had no time to list is found by the pid file in its folder. The list is a file and not the input itself, because a
 * write to a pipe may still wait in the caller when that is killed.
 */
const SCRIPT = `
const fs = require("node:fs"), path = require("node:path");
const kill = (pid) => { try { process.kill(pid, "SIGKILL"); } catch {} };
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) { try { process.on(signal, () => {}); } catch {} }
let ended = false;
const end = () => {
  if (ended) return;
  ended = true;
  const list = process.env.NATSKIT_TESTING_WATCHDOG;
  const folders = new Set(), pids = new Set();
  let lines = [];
  try { lines = fs.readFileSync(list, "utf8").split("\\n"); } catch {}
  for (const line of lines) {
    const value = line.slice(1);
    if (line[0] === "+") folders.add(value);
    if (line[0] === "-") folders.delete(value);
    if (line[0] === ">") pids.add(Number(value));
    if (line[0] === "<") pids.delete(Number(value));
  }
  for (const pid of pids) kill(pid);
  const deadline = Date.now() + 10000;
  const sweep = () => {
    for (const folder of folders) {
      try {
        const pid = Number(fs.readFileSync(path.join(folder, "nats.pid"), "utf8"));
        if (pid > 0 && !pids.has(pid)) kill(pid);
      } catch {}
      try { fs.rmSync(folder, { recursive: true, force: true }); folders.delete(folder); } catch {}
    }
    if (folders.size === 0 || Date.now() > deadline) {
      fs.rmSync(list, { force: true });
      process.exit(0);
    }
    setTimeout(sweep, 50);
  };
  sweep();
};
process.stdin.on("end", end);
process.stdin.on("close", end);
process.stdin.on("error", end);
process.stdin.resume();
`;

/**
 * Names the list in the watchdog's environment. It also keeps a program that is its own runtime from starting itself
 * over and over.
 */
const MARK = "NATSKIT_TESTING_WATCHDOG";

/** A watchdog that ended sooner than this, in milliseconds, cannot run here and is not started again. */
const SHORTEST_LIFE = 1_000;

let watchdog: ChildProcess | undefined;
let list: string | undefined;
const folders = new Set<string>();

function start(list: string): ChildProcess {
  if (process.env[MARK] !== undefined) {
    throw new Error(`${process.execPath} ran this program instead of the script that it was given`);
  }
  const args = "Deno" in globalThis ? ["eval", "--no-config", "--ext=cjs", SCRIPT] : ["-e", SCRIPT];
  const child = spawn(process.execPath, args, {
    cwd: process.platform === "win32" ? undefined : "/",
    env: { ...process.env, NODE_OPTIONS: "", [MARK]: list },
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
    windowsHide: true,
  });
  const started = Date.now();
  // Without a listener a failed start would end the caller; the servers work without a watchdog, too.
  child.on("error", () => {});
  child.stdin!.on("error", () => {});
  child.on("exit", () => {
    if (watchdog !== child) return;
    // Somebody killed it: Bun's test runner does so with every child process when a test takes too long.
    const again = folders.size > 0 && Date.now() - started >= SHORTEST_LIFE;
    watchdog = again ? start(list) : undefined;
  });
  child.unref();
  (child.stdin as { unref?: () => void }).unref?.();
  return child;
}

/** What the caller of {@linkcode watchFolder} tells as it goes. */
export interface Watch {
  /** A process that must not outlive the caller. */
  started(pid: number): void;
  /** The process has ended. */
  ended(pid: number): void;
  /** The folder is gone: nothing is left to watch. */
  release(): void;
}

/**
 * Sees to it that a folder, and the processes named later, are gone when this process is, even when it was killed. One
 * watchdog serves all folders of a process, and it ends with the last of them.
 */
export function watchFolder(folder: string): Watch {
  const path = list ??= join(tmpdir(), `natskit-watched-${randomUUID()}`);
  const tell = (line: string): void => appendFileSync(path, `${line}\n`, { mode: 0o600 });
  folders.add(folder);
  tell(`+${folder}`);
  watchdog ??= start(path);
  return {
    started: (pid) => tell(`>${pid}`),
    ended: (pid) => {
      if (folders.has(folder)) tell(`<${pid}`);
    },
    release: () => {
      if (!folders.delete(folder)) return;
      tell(`-${folder}`);
      if (folders.size > 0) return;
      // The watchdog of the last folder ends here, and removes the list.
      if (watchdog) watchdog.stdin?.end();
      else rmSync(path, { force: true });
      watchdog = list = undefined;
    },
  };
}
