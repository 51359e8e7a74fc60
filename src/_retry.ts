/**
 * The one back-off and the one table of errors that pass by themselves. Upstream retries stay switched off, so that
 * nothing is tried twice at two levels.
 *
 * @module
 */
import { withDeadline } from "./_deadline.ts";
import { Wakeup } from "./_wakeup.ts";

/** How long to wait before attempt `attempt` (1 is the first repeat), in milliseconds: doubling, with jitter. */
export function retryDelay(
  attempt: number,
  { min = 100, max = 5_000 }: { min?: number; max?: number } = {},
): number {
  const step = Math.min(max, min * 2 ** (attempt - 1));
  return step / 2 + Math.random() * (step / 2);
}

/** Upstream errors may be wrapped in others: the error itself first, then its causes. */
function* chainOf(error: unknown): Generator<Error> {
  for (let depth = 0, at = error; at instanceof Error && depth < 8; depth++, at = at.cause) {
    yield at;
  }
}

const TRANSIENT = new Set([
  "TimeoutError",
  "NoResponders",
  "NoRespondersError",
  "JetStreamNotEnabled",
  "ConnectionError",
]);

/** Whether the error has the name, or was caused by one that has. */
export function hasName(error: unknown, name: string): boolean {
  for (const found of chainOf(error)) if (found.name === name) return true;
  return false;
}

/** Codes of the server's JetStream API that mean "too much at once" (429) or "not now" (503 while a leader is elected). */
function isTransientStatus(status: unknown): boolean {
  return status === 429 || status === 503;
}

/** The client gives two refusals of the JetStream API classes, and names, of their own. */
const API_ERRORS = new Set(["JetStreamApiError", "StreamNotFoundError", "ConsumerNotFoundError"]);

/** Whether it is itself an answer of the JetStream API, of whichever class. */
export function isApiError(error: unknown): error is Error & { status?: unknown; code?: unknown } {
  return error instanceof Error && API_ERRORS.has(error.name);
}

/** The `status` (such as 404 or 429) of the JetStream API's answer, if `error` is one or was caused by one. */
export function apiStatus(error: unknown): number | undefined {
  for (const at of chainOf(error)) {
    if (isApiError(at)) return typeof at.status === "number" ? at.status : undefined;
  }
  return undefined;
}

/** Whether the same request may succeed a moment later: lost answers, no leader at the moment, a full queue. */
export function isTransient(error: unknown): boolean {
  // Its cause may be what was retried last, and that would pass.
  if (hasName(error, "ConnectionClosedError")) return false;
  for (const { name } of chainOf(error)) if (TRANSIENT.has(name)) return true;
  return isTransientStatus(apiStatus(error));
}

/** What {@linkcode retryTransient} is bounded by. */
export interface RetryOptions {
  /** The longest time for all attempts together, in milliseconds. */
  readonly timeout: number;
  /** Ends it with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** What to fail with when the time is over; told what the last attempt failed with, if any did. */
  readonly onTimeout: (last: unknown) => Error;
  /** Whether another attempt is worth it after so many that failed with what passes by itself; by default it is. */
  readonly isWorth?: (error: unknown, attempts: number) => boolean;
}

/** Runs `work`, again and again while it fails with what passes by itself, until the time is over. */
export async function retryTransient<T>(
  work: () => Promise<T>,
  { timeout, signal, onTimeout, isWorth = () => true }: RetryOptions,
): Promise<T> {
  const deadline = performance.now() + timeout;
  let last: unknown;
  let end: Error | undefined;
  const bounded = <V>(step: Promise<V>): Promise<V> =>
    withDeadline(step, {
      timeout: Math.max(0, deadline - performance.now()),
      signal,
      onTimeout: () => end = onTimeout(last),
    });
  for (let attempt = 1;; attempt++) {
    signal?.throwIfAborted();
    try {
      return await bounded(work());
    } catch (error) {
      signal?.throwIfAborted();
      if (error === end || !isTransient(error) || !isWorth(error, attempt)) throw error;
      last = error;
    }
    const pause = new Wakeup();
    try {
      await bounded(pause.wait(retryDelay(attempt)));
    } finally {
      pause.ring();
    }
  }
}
