import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";

/**
 * Run by the runtime that the caller runs on, detached from it. Reads lines from standard input: `+folder` and
 * `-folder` say what to remove, `>pid` and `<pid` what to kill. When the input ends, however the caller ended, it does
 * both. A server that the caller had no time to name is found by the pid file in its folder.
 */
const SCRIPT = `
const fs = require("node:fs"), path = require("node:path");
const folders = new Set(), pids = new Set();
const kill = (pid) => { try { process.kill(pid, "SIGKILL"); } catch {} };
let rest = "";
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) { try { process.on(signal, () => {}); } catch {} }
process.stdin.setEncoding("utf8");
process.stdin.on("data", (text) => {
  const lines = (rest + text).split("\\n");
  rest = lines.pop();
  for (const line of lines) {
    const value = line.slice(1);
    if (line[0] === "+") folders.add(value);
    if (line[0] === "-") folders.delete(value);
    if (line[0] === ">") pids.add(Number(value));
    if (line[0] === "<") pids.delete(Number(value));
  }
});
const end = () => {
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
    if (folders.size === 0 || Date.now() > deadline) process.exit(0);
    setTimeout(sweep, 50);
  };
  sweep();
};
process.stdin.on("end", end);
process.stdin.on("error", end);
`;

/** Set in the watchdog's environment, so that a program which is its own runtime cannot start itself over and over. */
const MARK = "NATSKIT_TESTING_WATCHDOG";

/** A watchdog that ended sooner than this, in milliseconds, cannot run here and is not started again. */
const SHORTEST_LIFE = 1_000;

let watchdog: ChildProcess | undefined;
const folders = new Set<string>();
const pids = new Set<number>();

function start(): ChildProcess {
  if (process.env[MARK] !== undefined) {
    throw new Error(`${process.execPath} ran this program instead of the script that it was given`);
  }
  const args = "Deno" in globalThis ? ["eval", "--no-config", "--ext=cjs", SCRIPT] : ["-e", SCRIPT];
  const child = spawn(process.execPath, args, {
    cwd: process.platform === "win32" ? undefined : "/",
    env: { ...process.env, NODE_OPTIONS: "", [MARK]: "1" },
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
    watchdog = again ? start() : undefined;
  });
  child.unref();
  (child.stdin as { unref?: () => void }).unref?.();
  for (const folder of folders) child.stdin!.write(`+${folder}\n`);
  for (const pid of pids) child.stdin!.write(`>${pid}\n`);
  return child;
}

function tell(line: string): void {
  if (watchdog?.stdin?.writable) watchdog.stdin.write(`${line}\n`);
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
  watchdog ??= start();
  folders.add(folder);
  tell(`+${folder}`);
  return {
    started: (pid) => {
      pids.add(pid);
      tell(`>${pid}`);
    },
    ended: (pid) => {
      pids.delete(pid);
      tell(`<${pid}`);
    },
    release: () => {
      if (!folders.delete(folder)) return;
      tell(`-${folder}`);
      if (folders.size > 0) return;
      const last = watchdog;
      watchdog = undefined;
      last?.stdin?.end();
    },
  };
}
