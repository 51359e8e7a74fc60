/**
 * What the processes of a run leave behind: lines of JSON in one file, written at once, so that they outlive a process
 * that is killed.
 *
 * @module
 */
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import process from "node:process";

/**
 * What happened:
 *
 * - `confirmed`: the sender knows of so many bytes that they are where they belong;
 * - `begin`: a handler was given an upload;
 * - `bytes`: the handler has taken so many bytes;
 * - `end`: the handler has resolved;
 * - `rejected`: the receiver refused something.
 */
export type JournalEvent = "confirmed" | "begin" | "bytes" | "end" | "rejected";

/** One line. */
export interface JournalEntry {
  /** What happened. */
  readonly event: JournalEvent;
  /** The process. */
  readonly pid: number;
  /** The upload. */
  readonly uploadId: string;
  /** How many bytes, where it is about bytes. */
  readonly bytes?: number;
  /** With what another process can go on. */
  readonly token?: unknown;
  /** What was refused, in words. */
  readonly words?: string;
}

/**
 * Adds a line.
 *
 * @param path The file.
 * @param entry The line, without the process.
 */
export function note(path: string, entry: Omit<JournalEntry, "pid">): void {
  appendFileSync(path, JSON.stringify({ pid: process.pid, ...entry }) + "\n");
}

/**
 * Reads all lines that are whole.
 *
 * @param path The file; an absent one has no lines yet.
 */
export function readJournal(path: string): JournalEntry[] {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, "utf8").split("\n");
  return lines.slice(0, -1).map((line) => JSON.parse(line));
}

/**
 * Makes a reporter that writes a line whenever a hundredth of the whole is through, and at the end.
 *
 * @param size Bytes of the whole.
 * @param write Writes it.
 */
export function everyHundredth<T>(
  size: number,
  write: (bytes: number, more: T) => void,
): (bytes: number, more: T) => void {
  let written = -1;
  return (bytes, more) => {
    const part = size === 0 ? 100 : Math.floor(bytes * 100 / size);
    if (part <= written) return;
    written = part;
    write(bytes, more);
  };
}
