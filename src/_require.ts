/**
 * Checks of arguments. Each message names the field, what was found and what is wanted.
 *
 * @module
 */

/** Refuses options that are not known: nothing that a caller asks for is ignored in silence. */
export function requireKnownKeys(name: string, options: object, known: readonly string[]): void {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(
      `${name} is ${options === null ? "null" : typeof options}, wanted is an object`,
    );
  }
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

/** Refuses everything but text. */
export function requireString(name: string, value: unknown): asserts value is string {
  if (typeof value !== "string") {
    throw new TypeError(`${name} is ${describe(value)}, wanted is a string`);
  }
}

/** What a value is, in words: never its contents. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  const what = typeof value === "object" ? value.constructor?.name || "object" : typeof value;
  return `${/^([aeio]|u(?!int))/i.test(what) ? "an" : "a"} ${what}`;
}
