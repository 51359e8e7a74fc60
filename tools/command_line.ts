/**
 * Values on the command lines of the bench and the soak runs.
 *
 * @module
 */
import type { Runtime } from "./runtime_command.ts";

const RUNTIMES: readonly string[] = ["deno", "node", "bun"];
const UNITS: Readonly<Record<string, number>> = { "": 1, KB: 1e3, MB: 1e6, GB: 1e9 };

/**
 * Reads runtimes, separated by commas.
 *
 * @throws {RangeError} Names what is wrong.
 */
export function parseRuntimes(text: string): Runtime[] {
  return text.split(",").map((name) => {
    if (!RUNTIMES.includes(name)) {
      throw new RangeError(`--runtime names "${name}", wanted are ${RUNTIMES.join(", ")}`);
    }
    return name as Runtime;
  });
}

/**
 * Reads a whole number above 0.
 *
 * @param option What it is the value of, such as `--rounds`.
 * @throws {RangeError} Names what is wrong.
 */
export function parseCount(option: string, text: string): number {
  const count = Number(text);
  if (Number.isSafeInteger(count) && count > 0) return count;
  throw new RangeError(`${option} is "${text}", wanted is a whole number above 0`);
}

/**
 * Reads a number of bytes.
 *
 * @param option What it is the value of, such as `--size`.
 * @throws {RangeError} Names what is wrong.
 */
export function parseSize(option: string, text: string): number {
  const [, digits = "", unit = ""] = text.match(/^(\d+)([KMG]B)?$/i) ?? [];
  const size = Number(digits) * (UNITS[unit.toUpperCase()] ?? 1);
  if (Number.isSafeInteger(size) && size > 0) return size;
  throw new RangeError(`${option} is "${text}", wanted are bytes, such as 500000, 64MB or 1GB`);
}
