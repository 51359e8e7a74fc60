/**
 * The demo's last words.
 *
 * @module
 */
import { formatTable } from "../format_table.ts";
import type { StepResult } from "./steps.ts";

/** Below so many bytes a speed says nothing. */
const WORTH_A_SPEED = 100_000;

/** A count of bytes in a unit that reads well. */
export function formatBytes(bytes: number): string {
  if (bytes < 1_000) return `${bytes} bytes`;
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

function speed({ bytes, ms }: StepResult): string {
  return bytes < WORTH_A_SPEED || ms <= 0 ? "-" : (bytes / 1_000 / ms).toFixed(0);
}

/**
 * Writes the results as a table.
 *
 * @param results What every step amounted to.
 * @returns Lines, without a line break at the end.
 */
export function formatDemo(results: readonly StepResult[]): string {
  const rows = results.map((each) => [
    each.what,
    String(each.bytes),
    String(each.chunks),
    speed(each),
    each.matches ? "yes" : "NO",
  ]);
  return formatTable([["what", "bytes", "chunks", "MB/s", "digest matches"], ...rows]);
}
