/**
 * The one back-off and the one table of errors that pass by themselves. Upstream retries stay switched off, so that
 * nothing is tried twice at two levels.
 *
 * @module
 */

/** How long to wait before attempt `attempt` (1 is the first repeat), in milliseconds: doubling, with jitter. */
export function retryDelay(
  attempt: number,
  { min = 100, max = 5_000 }: { min?: number; max?: number } = {},
): number {
  const step = Math.min(max, min * 2 ** (attempt - 1));
  return step / 2 + Math.random() * (step / 2);
}

/** The names of upstream errors, which may be wrapped in others: the error's own first, then its causes'. */
function* namesOf(error: unknown): Generator<string> {
  for (let depth = 0, at = error; at instanceof Error && depth < 8; depth++, at = at.cause) {
    yield at.name;
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
  for (const found of namesOf(error)) if (found === name) return true;
  return false;
}

/** Codes of the server's JetStream API that mean "too much at once" (429) or "not now" (503 while a leader is elected). */
function isTransientStatus(status: unknown): boolean {
  return status === 429 || status === 503;
}

/** The `status` (such as 404 or 429) of a JetStream API error, if `error` is one. */
export function apiStatus(error: unknown): number | undefined {
  if (!hasName(error, "JetStreamApiError")) return undefined;
  const { status } = error as { status?: unknown };
  return typeof status === "number" ? status : undefined;
}

/** Whether the same request may succeed a moment later: lost answers, no leader at the moment, a full queue. */
export function isTransient(error: unknown): boolean {
  for (const name of namesOf(error)) if (TRANSIENT.has(name)) return true;
  return isTransientStatus(apiStatus(error));
}
