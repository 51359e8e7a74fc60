/**
 * The clock and the timers of a receiver, in a form that a test can replace.
 *
 * @module
 */

/** What the assembler knows of time, in milliseconds. The functions return how to cancel. */
export interface Timers {
  /** The time of a clock that does not go back. */
  now(): number;
  /** Calls once, after `ms`. */
  after(ms: number, call: () => void): () => void;
  /** Calls again and again, every `ms`. */
  every(ms: number, call: () => void): () => void;
}

/** Those of the runtime. */
export const systemTimers: Timers = {
  now: () => performance.now(),
  after(ms, call) {
    const timer = setTimeout(call, ms);
    return () => clearTimeout(timer);
  },
  every(ms, call) {
    const timer = setInterval(call, ms);
    return () => clearInterval(timer);
  },
};
