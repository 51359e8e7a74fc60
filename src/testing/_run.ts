import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";

/** What a command left behind. */
export interface RunResult {
  /** The exit code, or `null` if a signal ended it. */
  code: number | null;
  stdout: string;
  stderr: string;
}

/** How a command is run. */
export interface RunOptions {
  /** The longest time that it may take, in milliseconds. */
  timeout: number;
  /** Its whole environment. */
  env: Record<string, string | undefined>;
  cwd?: string | undefined;
  signal?: AbortSignal | undefined;
}

/** Runs a command to its end; rejects if it cannot be started, takes too long or is aborted. */
export type Run = (command: string, args: string[], options: RunOptions) => Promise<RunResult>;

/** How much output is kept, in characters: it only ever serves a version line or an error. */
const MAX_OUTPUT = 64 * 1024;

/** Ends a process with everything that it started; build tools leave children behind otherwise. */
function killTree(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    if (process.platform === "win32") {
      spawn("taskkill", ["/pid", String(child.pid), "/T", "/F"], { stdio: "ignore" })
        .on("error", () => child.kill());
    } else {
      process.kill(-child.pid, "SIGKILL");
    }
  } catch {
    child.kill("SIGKILL");
  }
}

/** The {@linkcode Run} over real processes. */
export const runCommand: Run = (command, args, { timeout, env, cwd, signal }) =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env: env as Record<string, string>,
      stdio: ["ignore", "pipe", "pipe"],
      detached: process.platform !== "win32",
      windowsHide: true,
    });
    let stdout = "";
    let stderr = "";
    child.stdout!.setEncoding("utf8").on("data", (text: string) => {
      stdout = (stdout + text).slice(-MAX_OUTPUT);
    });
    child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      stderr = (stderr + text).slice(-MAX_OUTPUT);
    });
    const give = (settle: () => void): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      settle();
    };
    const stop = (error: unknown): void =>
      give(() => {
        killTree(child);
        // A grandchild that escaped may hold the pipes open: they must not keep this process alive.
        child.stdout!.destroy();
        child.stderr!.destroy();
        reject(error);
      });
    const onAbort = (): void => stop(signal!.reason);
    const timer = setTimeout(
      () => stop(new Error(`${command} did not finish within ${timeout} ms`)),
      timeout,
    );
    signal?.addEventListener("abort", onAbort, { once: true });
    if (signal?.aborted) onAbort();
    child.on("error", (error) => give(() => reject(error)));
    child.on("close", (code) => give(() => resolve({ code, stdout, stderr })));
  });

/** Whether a rejection of {@linkcode Run} means that there is no such command. */
export function isCommandMissing(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === "ENOENT";
}

/** The last line that says something, for one-line reasons. */
export function lastLine({ stdout, stderr }: RunResult): string {
  const lines = `${stdout}\n${stderr}`.split("\n").map((line) => line.trim());
  return lines.findLast((line) => line !== "")?.slice(0, 300) ?? "no output";
}
