/**
 * Waiting for "something happened" with a bound.
 *
 * @module
 */

/** The longest wait that timers of every runtime keep; longer waits are cut into pieces by their loops. */
export const LONGEST_WAIT: number = 2 ** 31 - 1;

/** A latch that a loop waits on, between looking at its state: whoever changes the state rings. */
export class Wakeup {
  #rung = false;
  #wake: (() => void) | undefined;

  /** Ends the wait, or the next one if nobody waits now. */
  ring = (): void => {
    this.#rung = true;
    this.#wake?.();
  };

  /** Resolves at the next {@linkcode Wakeup.ring} (at once, if one came since the last wait), or after `ms`. */
  async wait(ms: number): Promise<void> {
    if (!this.#rung && ms > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(ms, LONGEST_WAIT));
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#wake = undefined;
    }
    this.#rung = false;
  }
}
