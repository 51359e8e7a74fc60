/**
 * Room in a budget that others may hold for long.
 *
 * @module
 */
import type { Budget } from "../_budget.ts";

/** Who has waited so long for room goes on with the least that is any use, in milliseconds. */
const PATIENCE = 2_000;

/**
 * Takes `wanted` as soon as there is room. Where slow handlers hold all of it, it takes `least` after two seconds
 * without asking: one message at a time for each who waits, so that everybody gets on.
 *
 * @returns What was taken.
 * @throws The reason of `signal`; nothing is held then.
 */
export async function reserve(
  budget: Budget,
  { wanted, least }: { wanted: number; least: number },
  signal: AbortSignal,
): Promise<number> {
  signal.throwIfAborted();
  const weight = Math.max(wanted, least, 1);
  const bound = new AbortController();
  const onAbort = (): void => bound.abort(signal.reason);
  const timer = setTimeout(() => bound.abort(), PATIENCE);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    await budget.acquire(weight, bound.signal);
    return weight;
  } catch {
    signal.throwIfAborted();
    budget.adjust(least);
    return least;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
  }
}
