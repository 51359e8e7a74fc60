/**
 * How far a transfer has got: a bar on a terminal, nothing but the outcome elsewhere.
 *
 * @module
 */
import process from "node:process";
import logUpdate from "log-update";
import { bar } from "./bar.ts";

/** One line that changes while something is under way. */
export interface Progress {
  /** Shows how far it has got. */
  update(done: number, total: number): void;
  /** Leaves the outcome in place of the bar. */
  end(outcome: string): void;
}

/**
 * Begins a line.
 *
 * @param label What is under way.
 * @param isTerminal Whether lines can be drawn over.
 */
export function startProgress(
  label: string,
  isTerminal: boolean = process.stdout.isTTY === true,
): Progress {
  if (!isTerminal) {
    return { update: () => {}, end: (outcome) => console.log(`${label}: ${outcome}`) };
  }
  logUpdate(`${label} …`);
  return {
    update: (done, total) => logUpdate(`${label} ${bar(done, total)}`),
    end(outcome) {
      logUpdate(`${label}: ${outcome}`);
      logUpdate.done();
    },
  };
}
