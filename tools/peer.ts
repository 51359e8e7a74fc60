/**
 * Other processes of this repository that take commands: the senders and receivers of the demo and the benchmarks.
 * Commands and answers are lines of JSON on the process's standard input and output. {@linkcode startPeer} is the side of
 * the caller, `serve_peer.ts` the other one. Works on Deno, Node and Bun.
 *
 * @module
 */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { type Runtime, scriptCommand } from "./runtime_command.ts";

/** A running process that takes commands. */
export interface Peer extends AsyncDisposable {
  /**
   * Lets the process do something. Several calls may be under way.
   *
   * @param command The name of a handler of `servePeer`.
   * @param input What the handler is given; as JSON knows it.
   * @param onProgress Told what the handler reports before it is done.
   * @returns What the handler returned.
   * @throws {Error} What the handler threw, or that the process has ended, or that it took too long.
   */
  call<T>(command: string, input?: unknown, onProgress?: (value: unknown) => void): Promise<T>;
  /** Ends the process: it is asked to go, and killed if it has not gone after two seconds. */
  stop(): Promise<void>;
}

/** How {@linkcode startPeer} starts a process. */
export interface PeerOptions {
  /** What errors call it. */
  name: string;
  /** Where it runs; the current runtime by default. */
  runtime?: Runtime;
  /** The longest time that one call may take, in milliseconds; five minutes by default. */
  timeout?: number;
}

/** A line from the process, about one call. */
type Answer =
  | { id: number; progress: unknown }
  | { id: number; result: unknown }
  | { id: number; error: string };

/** A call that waits for its answer. */
interface Waiting {
  settle(answer: Answer): void;
}

const STOP_GRACE = 2_000;

/**
 * Starts a process that takes commands. It ends by itself when this process is gone.
 *
 * @param script The file to run, which calls `servePeer`.
 * @param options Its name, and where it runs.
 * @returns The process. Whether it could be started shows in the first call.
 *
 * @example Ask a process for something
 * ```ts
 * await using sender = startPeer(new URL("./sender.ts", import.meta.url), { name: "sender" });
 * const { ms } = await sender.call<{ ms: number }>("send", { subject: "demo" });
 * ```
 */
export function startPeer(script: URL, options: PeerOptions): Peer {
  const { name, runtime, timeout = 300_000 } = options;
  const { command, args } = scriptCommand(script, [], runtime);
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
  const waiting = new Map<number, Waiting>();
  let calls = 0;
  let ended: string | undefined;

  const exited = new Promise<void>((resolve) => {
    const end = (reason: string): void => {
      ended ??= reason;
      for (const [id, call] of waiting) call.settle({ id, error: ended });
      resolve();
    };
    child.once("error", (error) => end(`could not be started: ${error.message}`));
    child.once("exit", (code, signal) => end(`ended with ${signal ?? `code ${code}`}`));
  });
  // A command to a process that has just ended is answered by its end.
  child.stdin.on("error", () => {});
  createInterface({ input: child.stdout }).on("line", (line) => {
    const answer = readAnswer(line);
    if (answer) waiting.get(answer.id)?.settle(answer);
  });

  const call = <T>(
    command: string,
    input: unknown = {},
    onProgress: (value: unknown) => void = () => {},
  ): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      const id = ++calls;
      const fail = (reason: string): void => {
        clearTimeout(timer);
        waiting.delete(id);
        reject(new Error(`${name}: ${command}: ${reason}`));
      };
      const timer = setTimeout(() => fail(`no answer within ${timeout / 1_000} s`), timeout);
      if (ended !== undefined) return fail(ended);
      waiting.set(id, {
        settle(answer: Answer): void {
          if ("progress" in answer) return onProgress(answer.progress);
          if ("error" in answer) return fail(answer.error);
          clearTimeout(timer);
          waiting.delete(id);
          resolve(answer.result as T);
        },
      });
      child.stdin.write(JSON.stringify({ id, command, input }) + "\n");
    });

  const stop = async (): Promise<void> => {
    child.stdin.end();
    const killer = setTimeout(() => child.kill("SIGKILL"), STOP_GRACE);
    await exited;
    clearTimeout(killer);
  };
  return { call, stop, [Symbol.asyncDispose]: stop };
}

/** Reads an answer; `undefined` for anything else that the process prints. */
function readAnswer(line: string): Answer | undefined {
  try {
    const answer = JSON.parse(line);
    return typeof answer?.id === "number" ? answer : undefined;
  } catch {
    return undefined;
  }
}
