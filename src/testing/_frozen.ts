import * as fs from "node:fs/promises";
import process from "node:process";
import { runCommand } from "./_run.ts";

/** How long `ps` may take, in milliseconds. */
const PS_TIMEOUT = 5_000;

/** Whether a stopping signal has reached a process: on Linux each of its threads, elsewhere as `ps` sees it. */
export async function isFrozen(pid: number): Promise<boolean> {
  if (process.platform !== "linux") {
    const { stdout } = await runCommand("ps", ["-o", "state=", "-p", String(pid)], {
      timeout: PS_TIMEOUT,
      env: process.env,
    });
    return stdout.trim().startsWith("T");
  }
  const threads = await fs.readdir(`/proc/${pid}/task`).catch(() => []);
  for (const thread of threads) {
    const stat = await fs.readFile(`/proc/${pid}/task/${thread}/stat`, "utf8").catch(() => "");
    // The name of the program stands in parentheses before the state.
    if (!/^[tT] /.test(stat.slice(stat.lastIndexOf(")") + 2))) return false;
  }
  return true;
}
