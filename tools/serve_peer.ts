/**
 * The inside of a process that {@linkcode startPeer} of `peer.ts` started. Works on Deno, Node and Bun.
 *
 * @module
 */
import process from "node:process";
import { createInterface } from "node:readline";

/**
 * Does one command.
 *
 * @param input What the caller gave.
 * @param report Tells the caller how far it has got.
 * @returns What the caller is answered, as JSON knows it.
 */
export type PeerHandler = (input: never, report: (value: unknown) => void) => unknown;

/** A command, as `peer.ts` writes it. */
interface Command {
  id: number;
  command: string;
  input: unknown;
}

/**
 * Takes commands until the caller closes the input, or is gone; then ends the process.
 *
 * @param handlers What can be done, by name.
 *
 * @example A process that adds
 * ```ts
 * servePeer({ add: ({ a, b }: { a: number; b: number }) => a + b });
 * ```
 */
export function servePeer(handlers: Readonly<Record<string, PeerHandler>>): void {
  const answer = (value: unknown): void => void process.stdout.write(JSON.stringify(value) + "\n");
  const perform = async ({ id, command, input }: Command): Promise<void> => {
    try {
      const handler = handlers[command];
      if (!handler) throw new Error(`there is no command ${JSON.stringify(command)}`);
      const result = await handler(input as never, (progress) => answer({ id, progress }));
      answer({ id, result: result ?? null });
    } catch (error) {
      answer({ id, error: describeError(error) });
    }
  };
  // A terminal sends Ctrl-C to every process; the caller, which gets it too, decides what becomes of this one.
  process.on("SIGINT", () => {});
  createInterface({ input: process.stdin })
    .on("line", (line) => void perform(JSON.parse(line)))
    .once("close", () => process.exit(0));
}

/** The message of an error, and those of its causes. */
function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { message, cause } = error;
  const name = error.name === "Error" ? "" : `${error.name}: `;
  return `${name}${message}${cause === undefined ? "" : ` (${describeError(cause)})`}`;
}
