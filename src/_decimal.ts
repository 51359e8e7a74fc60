/**
 * Numbers in headers.
 *
 * @module
 */

/** A number written as digits only, if it is a safe integer: `+1`, `1e3`, `0x10`, ` 1` and the empty text are none. */
export function parseDecimal(text: string): number | undefined {
  if (!/^[0-9]+$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}
