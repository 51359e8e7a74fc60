/**
 * What `receiveChunked` returns.
 *
 * @module
 */
import { requireKnownKeys, requireTimeout } from "../_require.ts";

/** A receiver that runs until it is stopped, or until its source ends. */
export interface ChunkedReceiver extends AsyncDisposable {
  /**
   * Takes in nothing new and waits for the uploads that have begun. Those that take longer than `timeout` are given up:
   * their handlers' signals abort, and their senders are told, or get them back. When the handlers have ended, or a second
   * later, it resolves. Calling it again
   * waits for the same end, and for no longer than its own `timeout`.
   *
   * @param options `timeout`: milliseconds; 30,000 by default, and 0 gives everything up at once.
   * @throws {TypeError | RangeError} An option is unknown, or no time to wait.
   */
  stop(options?: { timeout?: number }): Promise<void>;
  /**
   * Resolves when the receiver has stopped, or its subscription was ended; rejects when receiving was ended by an error,
   * such as a connection that was closed for good.
   */
  readonly closed: Promise<void>;
}

/** How long `stop()` waits for handlers by default, in milliseconds. */
const STOP_TIMEOUT_MS = 30_000;

/**
 * How long `stop()` is to wait for handlers, in milliseconds; 0 gives them up at once.
 *
 * @throws {TypeError | RangeError} An option is unknown, or no time to wait.
 */
export function stopTimeout(options: { timeout?: number } = {}): number {
  requireKnownKeys("options", options, ["timeout"]);
  const { timeout = STOP_TIMEOUT_MS } = options;
  if (timeout !== 0) requireTimeout("timeout", timeout);
  return timeout;
}
