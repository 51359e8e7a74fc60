/**
 * The heartbeat of a receiver: regular while it has something to watch over, silent otherwise.
 *
 * @module
 */
import { SteadyClock } from "./steady_clock.ts";
import type { Timers } from "./timers.ts";

const TICK_MS = 500;

/** Ticks while there is something to do, and tells the time by which senders are judged. */
export class Ticker {
  readonly #timers: Timers;
  readonly #clock: SteadyClock;
  readonly #isBusy: () => boolean;
  readonly #onTick: (now: number) => void;
  #stop: (() => void) | undefined;

  /**
   * @param isBusy Whether it is to go on; asked at each {@linkcode Ticker.refresh}.
   * @param onTick What is to be done twice a second.
   */
  constructor(timers: Timers, isBusy: () => boolean, onTick: (now: number) => void) {
    this.#timers = timers;
    this.#clock = new SteadyClock(TICK_MS * 2, timers.now);
    this.#isBusy = isBusy;
    this.#onTick = onTick;
  }

  /** The time. */
  now = (): number => this.#clock.now();

  /** To be called whenever there may be something to do, or nothing any more. */
  refresh(): void {
    const isBusy = this.#isBusy();
    if (isBusy && !this.#stop) {
      this.#clock.watch();
      this.#stop = this.#timers.every(TICK_MS, () => {
        this.#onTick(this.now());
        this.refresh();
      });
    } else if (!isBusy && this.#stop) {
      this.#stop();
      this.#stop = undefined;
      this.#clock.rest();
    }
  }
}
