/**
 * A clock for judging others' silence.
 *
 * @module
 */

/**
 * Milliseconds since it was made, except that it never runs on by more than a step between two readings, unless it was
 * put to rest: time in which this process itself stood still (a debugger, a suspended machine, a blocked loop) is
 * nobody else's silence.
 */
export class SteadyClock {
  readonly #step: number;
  #read: number = performance.now();
  #now = 0;
  #resting = true;

  constructor(step: number) {
    this.#step = step;
  }

  /** The time. */
  now(): number {
    const read = performance.now();
    const passed = read - this.#read;
    this.#now += this.#resting ? passed : Math.min(passed, this.#step);
    this.#read = read;
    this.#resting = false;
    return this.#now;
  }

  /** Nobody will read it regularly from now on: until the next reading, time passes as it does. */
  rest(): void {
    this.#resting = true;
  }
}
