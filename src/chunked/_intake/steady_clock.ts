/**
 * A clock for judging others' silence.
 *
 * @module
 */

/**
 * Milliseconds since it was made, except that, while somebody reads it regularly, it never runs on by more than a step
 * between two readings: time in which this process itself stood still (a debugger, a suspended machine, a blocked loop)
 * is nobody else's silence.
 */
export class SteadyClock {
  readonly #step: number;
  readonly #source: () => number;
  #read: number;
  #now = 0;
  #resting = true;

  /**
   * @param step The longest time between two readings that counts, in milliseconds.
   * @param source The clock underneath; it does not go back.
   */
  constructor(step: number, source: () => number = () => performance.now()) {
    this.#step = step;
    this.#source = source;
    this.#read = source();
  }

  /** The time. */
  now(): number {
    const read = this.#source();
    const passed = read - this.#read;
    this.#now += this.#resting ? passed : Math.min(passed, this.#step);
    this.#read = read;
    return this.#now;
  }

  /** From now on it is read in steps no longer than its own. */
  watch(): void {
    this.now();
    this.#resting = false;
  }

  /** Nobody will read it regularly from now on: time passes as it does. So it begins, too. */
  rest(): void {
    this.now();
    this.#resting = true;
  }
}
