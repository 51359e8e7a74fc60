/**
 * How long a handler may keep its upload waiting.
 *
 * @module
 */
import type { Timers } from "../_intake/timers.ts";

/** Notices a handler that neither takes bytes nor ends; time in which it waits for bytes itself does not count. */
export class HandlerWatch {
  readonly #timeout: number | undefined;
  readonly #timers: Timers;
  readonly #onTimeout: (timeout: number) => void;
  /** `undefined` while the handler waits. */
  #busySince: number | undefined;
  #cancel: (() => void) | undefined;

  /** @param timeout Milliseconds; `undefined` where there is no bound. */
  constructor(
    timeout: number | undefined,
    timers: Timers,
    onTimeout: (timeout: number) => void,
  ) {
    this.#timeout = timeout;
    this.#timers = timers;
    this.#onTimeout = onTimeout;
  }

  /** The handler has got something to do. */
  busy(): void {
    if (this.#timeout === undefined) return;
    this.#busySince = this.#timers.now();
    if (!this.#cancel) this.#wait(this.#timeout);
  }

  /** The handler waits, or has ended. */
  rest(): void {
    this.#busySince = undefined;
  }

  /** Nobody watches any more. */
  stop(): void {
    this.rest();
    this.#cancel?.();
    this.#cancel = undefined;
  }

  /** One timer for many chunks: it looks again when it fires. */
  #wait(ms: number): void {
    this.#cancel = this.#timers.after(ms, () => {
      this.#cancel = undefined;
      if (this.#busySince === undefined) return;
      const left = this.#busySince + this.#timeout! - this.#timers.now();
      if (left > 0) this.#wait(left);
      else this.#onTimeout(this.#timeout!);
    });
  }
}
