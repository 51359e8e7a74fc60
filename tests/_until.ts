/** Looks again and again until `condition` holds; rejects after `timeout` milliseconds. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  { timeout = 15_000 }: { timeout?: number } = {},
): Promise<void> {
  const deadline = performance.now() + timeout;
  while (!await condition()) {
    if (performance.now() > deadline) throw new Error(`not within ${timeout} ms: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
