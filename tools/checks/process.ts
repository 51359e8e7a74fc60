/**
 * Runs other programs and keeps what they print.
 *
 * @module
 */
import { ROOT } from "../runtime_command.ts";

/** How a program ended. */
export interface Ended {
  /** Its exit code; never 0 after a time-out. */
  code: number;
  /** What it printed on both streams, in the order in which it arrived. */
  output: string;
}

/** How to run a program. */
export interface RunOptions {
  /** Working folder; the root by default. */
  cwd?: string;
  /** Environment variables beside those of this process. */
  env?: Record<string, string>;
  /** Longest run in milliseconds; ten minutes by default. */
  timeout?: number;
}

/** How long a stream may stay open after its program has ended, in milliseconds: a grandchild may hold it. */
const STREAM_GRACE = 2_000;

/** What runs now. */
const running = new Set<Deno.ChildProcess>();

/** Tells every program that runs to end. */
export function endPrograms(): void {
  for (const child of running) child.kill("SIGTERM");
}

/** How long a program that is told to end may take to end what it started, in milliseconds. */
const KILL_GRACE = 5_000;

/**
 * Runs a program to its end, without standard input.
 *
 * @param command Path or name of the program.
 * @param args Its arguments.
 * @param options Where and how long.
 * @returns Exit code and output; a program that could not be started has code 127.
 */
export async function runProgram(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Ended> {
  const { cwd = ROOT, env = {}, timeout = 600_000 } = options;
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(command, {
      args: [...args],
      cwd,
      env: { NO_COLOR: "1", ...env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch (error) {
    return { code: 127, output: `${command} could not be started: ${(error as Error).message}\n` };
  }
  running.add(child);
  let output = "";
  const closed = new AbortController();
  const collect = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> => {
    const text = stream.pipeThrough(new TextDecoderStream(), { signal: closed.signal });
    for await (const part of text) output += part;
  };
  const streams = Promise.allSettled([collect(child.stdout), collect(child.stderr)]);
  let late = false;
  let killer: ReturnType<typeof setTimeout> | undefined;
  const timer = setTimeout(() => {
    late = true;
    child.kill("SIGTERM");
    killer = setTimeout(() => child.kill("SIGKILL"), KILL_GRACE);
  }, timeout);
  const { code } = await child.status;
  running.delete(child);
  clearTimeout(timer);
  clearTimeout(killer);
  const grace = setTimeout(() => closed.abort(), STREAM_GRACE);
  await streams;
  clearTimeout(grace);
  if (late) output += `\nstopped after ${timeout / 1_000} s\n`;
  return { code: late ? code || 1 : code, output };
}

/**
 * Runs npm, which is a batch file on Windows.
 *
 * @param args The arguments of npm.
 * @param options Where and how long.
 * @returns Exit code and output.
 */
export function runNpm(args: readonly string[], options?: RunOptions): Promise<Ended> {
  return Deno.build.os === "windows"
    ? runProgram("cmd", ["/c", "npm", ...args], options)
    : runProgram("npm", args, options);
}

/** The last lines of a text, without the blank ones around it. */
export function tail(text: string, lines = 150): string {
  const all = text.trim().split("\n");
  const kept = all.slice(-lines);
  return all.length === kept.length
    ? kept.join("\n")
    : [`… ${all.length - kept.length} lines before`, ...kept].join("\n");
}
