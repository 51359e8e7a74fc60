/**
 * One clock for several processes of one machine.
 *
 * @module
 */

/** The time in milliseconds, finer than `Date.now()`. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}
