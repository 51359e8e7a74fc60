/**
 * Waiting for something that other processes do.
 *
 * @module
 */

/**
 * Looks again and again until something is the case.
 *
 * @param what What is waited for, for the error.
 * @param condition Whether it is the case.
 * @param timeout The longest time, in milliseconds.
 * @throws {Error} If it is not the case in time.
 */
export async function waitFor(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeout: number,
): Promise<void> {
  const deadline = performance.now() + timeout;
  while (!await condition()) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${timeout / 1_000} s`);
    await pause(5);
  }
}

/** Waits for some milliseconds: where time itself is what is wanted. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
