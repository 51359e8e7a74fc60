/**
 * What the JetStream API said no with.
 *
 * @module
 */
import { isApiError } from "../_retry.ts";

/** Server: "stream not found". */
export const STREAM_NOT_FOUND = 10059;

/** The server's `err_code` (such as 10059, stream not found), if `error` is an answer of the JetStream API. */
export function apiCode(error: unknown): number | undefined {
  return isApiError(error) && typeof error.code === "number" ? error.code : undefined;
}
