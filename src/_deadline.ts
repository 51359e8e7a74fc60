/**
 * Waiting with a bound.
 *
 * @module
 */
import { LONGEST_WAIT } from "./_wakeup.ts";

/** The bounds of a wait. */
export interface DeadlineOptions {
  /** Milliseconds. */
  readonly timeout: number;
  /** Ends the wait with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** What to fail with when the time is over. */
  readonly onTimeout: () => Error;
}

/** Resolves or rejects as `work` does, unless the time is over or the signal aborts first; `work` itself goes on. */
export async function withDeadline<T>(work: PromiseLike<T>, options: DeadlineOptions): Promise<T> {
  const { timeout, signal, onTimeout } = options;
  Promise.resolve(work).catch(() => {}); // when it rejects after all, nobody waits for it any more
  signal?.throwIfAborted();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let onAbort: (() => void) | undefined;
  const bound = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(onTimeout()), Math.min(timeout, LONGEST_WAIT));
    onAbort = () => reject(signal!.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
  try {
    return await Promise.race([work, bound]);
  } finally {
    clearTimeout(timer);
    if (onAbort) signal?.removeEventListener("abort", onAbort);
  }
}
