/** Processes of their own for tests: the transport of a process is chosen once and for all. */
import { spawn } from "node:child_process";
import { scriptCommand } from "../../tools/runtime_command.ts";
import type { ConnectOptions } from "../../src/connect/connect_options.ts";

/** What a step came to. */
export type StepResult =
  | { echo: string; transport: string }
  | { name: string; message: string; reason?: string };

/** Longest life of the process, in milliseconds. */
const LIMIT = 20_000;

/**
 * Connects once per step, one after another or all together; the connections stay open until the last. Fails when the
 * process does not end by itself.
 */
export async function runSteps(
  entry: "main" | "browser",
  steps: readonly ConnectOptions[],
  order: "in turn" | "together" = "in turn",
): Promise<StepResult[]> {
  const output = await runProcess("./_steps_process.ts", [entry, order, JSON.stringify(steps)]);
  return output.trim().split("\n").map((line) => JSON.parse(line) as StepResult);
}

/** Runs a script of this folder in a process of its own, to its end, and returns what it printed. */
export async function runProcess(script: string, scriptArgs: string[] = []): Promise<string> {
  const { command, args } = scriptCommand(new URL(script, import.meta.url), scriptArgs);
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => output += text);
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), LIMIT);
  const code = await ended;
  clearTimeout(timer);
  if (code !== 0) throw new Error(`the process ended with ${code}, having printed: ${output}`);
  return output;
}
