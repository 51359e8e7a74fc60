/**
 * Checks of arguments. Each message names the field, what was found and what is wanted.
 *
 * @module
 */
import { LONGEST_WAIT } from "./_wakeup.ts";

/** Refuses options that are not known: nothing that a caller asks for is ignored in silence. */
export function requireKnownKeys(name: string, options: object, known: readonly string[]): void {
  requireRecord(name, options);
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) {
      throw new TypeError(
        `${name} has the unknown field ${JSON.stringify(key)}, known are: ${known.join(", ")}`,
      );
    }
  }
}

/** Refuses everything but whole numbers from 1. */
export function requirePositive(name: string, value: unknown): asserts value is number {
  if (typeof value !== "number") {
    throw new TypeError(`${name} is ${describe(value)}, wanted is a number`);
  }
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new RangeError(`${name} is ${value}, wanted is a whole number from 1`);
  }
}

/** Refuses everything but finite numbers. */
export function requireNumber(name: string, value: unknown): asserts value is number {
  if (typeof value !== "number" || !Number.isFinite(value)) {
    throw new TypeError(
      `${name} is ${typeof value === "number" ? value : describe(value)}, wanted is a number`,
    );
  }
}

/** Refuses what no timer can wait for: below 1 ms, or longer than timers of every runtime keep. */
export function requireTimeout(name: string, value: unknown): asserts value is number {
  const wanted = `wanted is a number of milliseconds from 1 to ${LONGEST_WAIT}`;
  if (typeof value !== "number") throw new TypeError(`${name} is ${describe(value)}, ${wanted}`);
  if (!(value >= 1 && value <= LONGEST_WAIT)) {
    throw new RangeError(`${name} is ${value}, ${wanted}`);
  }
}

/** Refuses everything but text. */
export function requireString(name: string, value: unknown): asserts value is string {
  if (typeof value !== "string") {
    throw new TypeError(`${name} is ${describe(value)}, wanted is a string`);
  }
}

/** Refuses everything but `true` and `false`. */
export function requireBoolean(name: string, value: unknown): asserts value is boolean {
  if (typeof value !== "boolean") {
    throw new TypeError(`${name} is ${describe(value)}, wanted is a boolean`);
  }
}

/** Refuses everything but functions. */
export function requireFunction(name: string, value: unknown): void {
  if (typeof value !== "function") {
    throw new TypeError(`${name} is ${describe(value)}, wanted is a function`);
  }
}

/** Refuses what cannot abort; one of another realm can. */
export function requireSignal(name: string, value: unknown): asserts value is AbortSignal {
  const signal = value as Partial<AbortSignal> | null | undefined;
  if (typeof signal?.aborted !== "boolean" || typeof signal.addEventListener !== "function") {
    throw new TypeError(`${name} is ${describe(value)}, wanted is an AbortSignal`);
  }
}

/** Refuses everything but an object with names and values. */
export function requireRecord(
  name: string,
  value: unknown,
): asserts value is Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new TypeError(`${name} is ${describe(value)}, wanted is an object`);
  }
}

/** Refuses everything but an object whose values are text. */
export function requireStrings(
  name: string,
  value: unknown,
): asserts value is Record<string, string> {
  requireRecord(name, value);
  for (const [key, text] of Object.entries(value)) {
    requireString(`${name}[${JSON.stringify(key)}]`, text);
  }
}

/** What a value is, in words: never its contents. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  const what = typeof value === "object" ? value.constructor?.name || "object" : typeof value;
  return `${/^([aeio]|u(?!int))/i.test(what) ? "an" : "a"} ${what}`;
}
