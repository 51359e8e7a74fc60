/**
 * The receiver's side of the credit protocol (PROTOCOL 4): how many bytes each sender may have in flight, so that all
 * together never exceed what one connection can take in. Pure arithmetic: no clock, no I/O.
 *
 * @module
 */
import type { Budget } from "../_budget.ts";

/** One upload, as far as its window goes. */
export interface Flow {
  /** The largest length that a chunk of it can have. */
  readonly chunkSize: number;
  /** Bytes of the whole payload. */
  readonly totalSize: number;
  /** Bytes taken over. */
  received: number;
  /** Whether its bytes have a place: such a flow is kept going, others get what is left. */
  admitted: boolean;
  /** Bytes that it may still send. */
  window: number;
}

/** Shares one inbound budget among flows. */
export class Windows {
  readonly #inbound: Budget;
  readonly #perFlow: number;
  readonly #flows = new Set<Flow>();

  /**
   * @param inbound Bytes in flight of everything that shares the connection.
   * @param perFlow The most that one flow gets.
   */
  constructor(inbound: Budget, perFlow: number) {
    this.#inbound = inbound;
    this.#perFlow = perFlow;
  }

  /** Begins with a new upload, which has no window at first. */
  open(chunkSize: number, totalSize: number): Flow {
    const flow = { chunkSize, totalSize, received: 0, admitted: false, window: 0 };
    this.#flows.add(flow);
    return flow;
  }

  /** The upload has ended, or has to begin again: its window is free. */
  close(flow: Flow): void {
    if (this.#flows.delete(flow)) this.#set(flow, 0);
  }

  /** Takes back what was granted, because the sender does not use it. */
  revoke(flow: Flow): void {
    this.#set(flow, 0);
  }

  /** Bytes were taken over: they are no longer in flight. */
  received(flow: Flow, bytes: number): void {
    flow.received += bytes;
    this.#set(flow, Math.max(0, flow.window - bytes));
  }

  /**
   * Grants what can be granted now, and returns the window to announce: 0, or at least one whole chunk. What was
   * granted before cannot be taken back, for it may be on its way.
   */
  grant(flow: Flow): number {
    if (flow.admitted && flow.received >= flow.totalSize) return 0;
    const remaining = Math.max(1, flow.totalSize - flow.received); // an empty payload is one message, too
    const least = Math.min(flow.chunkSize, remaining);
    const share = Math.floor(this.#inbound.size / this.#flows.size);
    const wanted = Math.min(remaining, this.#perFlow, Math.max(least, share));
    const granted = Math.max(flow.window, Math.min(wanted, this.#free(flow, least)));
    this.#set(flow, granted >= least ? granted : 0);
    return flow.window;
  }

  /** What `flow` may have. A flow that is alone gets a chunk even where the whole budget is smaller than that. */
  #free(flow: Flow, least: number): number {
    const others = this.#inbound.used - flow.window;
    if (others === 0) return Math.max(least, this.#inbound.size);
    return this.#inbound.size - others - (flow.admitted ? 0 : this.#keptForAdmitted());
  }

  /** So much must stay free for each admitted flow to go on with its next chunk. */
  #keptForAdmitted(): number {
    let kept = 0;
    for (const { admitted, totalSize, received, chunkSize, window } of this.#flows) {
      if (admitted) kept += Math.max(0, Math.min(chunkSize, totalSize - received) - window);
    }
    return kept;
  }

  #set(flow: Flow, window: number): void {
    this.#inbound.adjust(window - flow.window);
    flow.window = window;
  }
}
