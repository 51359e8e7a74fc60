/**
 * The end of a receiver, as far as others have a part in it.
 *
 * @module
 */
import { withDeadline } from "../../_deadline.ts";
import { NoProgressError } from "../../errors.ts";

/** So long are handlers that were given up waited for, and the last answers, in milliseconds. */
const CLEAN_UP_MS = 1_000;

/** Waits for what is left to be done, but no longer than a second: a handler need not heed its signal. */
export async function cleanUp(left: readonly (Promise<unknown> | undefined)[]): Promise<void> {
  await withDeadline(Promise.allSettled(left), {
    timeout: CLEAN_UP_MS,
    onTimeout: () => new NoProgressError("stopping", CLEAN_UP_MS),
  }).catch(() => {});
}
