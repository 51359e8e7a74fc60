/**
 * What the JetStream API said no with.
 *
 * @module
 */

/** The client gives two refusals classes, and names, of their own. */
const API_ERRORS = new Set(["JetStreamApiError", "StreamNotFoundError", "ConsumerNotFoundError"]);

/** The server's `err_code` (such as 10059, stream not found), if `error` is an answer of the JetStream API. */
export function apiCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !API_ERRORS.has(error.name)) return undefined;
  const { code } = error as { code?: unknown };
  return typeof code === "number" ? code : undefined;
}
