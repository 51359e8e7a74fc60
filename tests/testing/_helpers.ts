import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Looks again and again until `condition` holds; rejects after `timeout` milliseconds. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeout = 15_000,
): Promise<void> {
  const deadline = Date.now() + timeout;
  while (!await condition()) {
    if (Date.now() > deadline) throw new Error(`not within ${timeout} ms: ${what}`);
    await pause(20);
  }
}

/** Whether a process runs; one that ended and was not collected yet does not. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  if (process.platform !== "linux") return true;
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

/** A temporary folder that goes with the test. */
export async function temporaryFolder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), "natskit-test-"));
  return {
    path,
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 5 }),
  };
}

/** The command line that runs a TypeScript file on the runtime that runs this test. */
export function runtimeCommand(file: string): string[] {
  return "Deno" in globalThis ? ["run", "-A", "--no-config", "--quiet", file] : [file];
}

/** The command line that runs a line of CommonJS on the runtime that runs this test. */
export function evalCommand(script: string): string[] {
  return "Deno" in globalThis ? ["eval", "--no-config", "--ext=cjs", script] : ["-e", script];
}
