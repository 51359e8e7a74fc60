/**
 * The receiver's side of the credit protocol (PROTOCOL 4): how many bytes each sender may have in flight, so that all
 * together never exceed what one connection can take in. Pure arithmetic: no clock, no I/O.
 *
 * @module
 */
import type { Budget } from "../_budget.ts";

/** One upload, as far as its window goes. */
export interface Flow {
  /** The length of its chunks; until the first one has come, the largest that it could be. */
  chunkSize: number;
  /** Bytes of the whole payload. */
  readonly totalSize: number;
  /** Bytes taken over. */
  received: number;
  /** Whether its bytes have a place. */
  admitted: boolean;
  /** Bytes that it may still send. */
  window: number;
}

/** What a flow is wanted for whose bytes stay in the inbound budget until somebody has taken them. */
export interface Demand {
  /** Bytes that wait to be taken. */
  readonly held: number;
  /** Bytes that were taken so far: who takes more gets more. */
  readonly taken: number;
  /** Whether somebody waits for the next chunk, so that it will not have to wait itself. */
  readonly isHungry: boolean;
}

/** So much may be under way, or wait, before anything was taken: whoever never takes anything shall not fill the budget. */
const UNTRIED_BYTES = 2 * 1024 * 1024;

/** Shares one inbound budget among flows. */
export class Windows {
  readonly #inbound: Budget;
  readonly #perFlow: number;
  readonly #flows = new Set<Flow>();
  #granted = 0;
  #promisedFlows = 0;
  #promisedBytes = 0;

  /**
   * @param inbound Bytes in flight of everything that shares the connection.
   * @param perFlow The most that one flow gets.
   */
  constructor(inbound: Budget, perFlow: number) {
    this.#inbound = inbound;
    this.#perFlow = perFlow;
  }

  /** Bytes of all windows. */
  get granted(): number {
    return this.#granted;
  }

  /** Number and total size of the flows that have a window and were not admitted yet. */
  get promised(): { readonly flows: number; readonly bytes: number } {
    return { flows: this.#promisedFlows, bytes: this.#promisedBytes };
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

  /** Bytes were taken over: they are no longer in flight, and the flow has its place. */
  received(flow: Flow, bytes: number, chunkSize: number): void {
    const window = flow.window;
    this.#set(flow, 0);
    flow.admitted = true;
    flow.chunkSize = chunkSize;
    flow.received += bytes;
    if (flow.received < flow.totalSize) this.#set(flow, usable(flow, window - bytes));
  }

  /**
   * Grants what can be granted now, and returns the window to announce: 0, or at least one whole chunk. What was
   * granted before is not taken back, for it may be on its way.
   *
   * @param keep Bytes to leave for those who go first.
   * @param demand Absent where the bytes leave the budget as they are received.
   */
  grant(flow: Flow, keep = 0, demand?: Demand): number {
    if (flow.admitted && flow.received >= flow.totalSize) return 0;
    const least = leastOf(flow);
    const share = Math.min(
      Math.floor(this.#inbound.size / this.#flows.size),
      this.#perFlow,
      demand ? UNTRIED_BYTES + demand.taken : Infinity,
    );
    const held = demand?.held ?? 0;
    const wanted = held > 0 ? share - held : Math.max(least, share);
    let granted = usable(flow, Math.min(wanted, this.#free(flow, least, keep)));
    // Bytes that wait for handlers must not hold up the handler that all the others may be waiting for.
    if (granted === 0 && keep === 0 && this.#mayExceed(demand)) granted = usable(flow, least);
    this.#set(flow, Math.max(flow.window, granted));
    return flow.window;
  }

  /** One chunk at a time may go beyond the budget, on the whole connection, if it will not have to wait. */
  #mayExceed(demand: Demand | undefined): boolean {
    return demand !== undefined && demand.isHungry && this.#inbound.used <= this.#inbound.size;
  }

  /** What `flow` may have. A flow that is alone gets a chunk even where the whole budget is smaller than that. */
  #free(flow: Flow, least: number, keep: number): number {
    const others = this.#inbound.used - flow.window;
    if (others === 0 && keep === 0) return Math.max(least, this.#inbound.size);
    return this.#inbound.size - others - keep;
  }

  #set(flow: Flow, window: number): void {
    if (!flow.admitted) {
      const step = Number(window > 0) - Number(flow.window > 0);
      this.#promisedFlows += step;
      this.#promisedBytes += step * flow.totalSize;
    }
    this.#granted += window - flow.window;
    this.#inbound.adjust(window - flow.window);
    flow.window = window;
  }
}

/** The least that lets the flow go on: its next chunk. */
export function leastOf({ chunkSize, totalSize, received }: Flow): number {
  return Math.max(1, Math.min(chunkSize, totalSize - received)); // an empty payload is one message, too
}

/**
 * So much of `bytes` as can be used: whole chunks. What is left over would never be in flight, and many such rests could
 * use the budget up between them.
 */
function usable(flow: Flow, bytes: number): number {
  const remaining = Math.max(1, flow.totalSize - flow.received);
  if (bytes >= remaining) return remaining;
  const chunkSize = leastOf(flow);
  if (bytes < chunkSize) return 0;
  return flow.admitted ? bytes - bytes % chunkSize : bytes;
}
