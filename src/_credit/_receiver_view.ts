/**
 * What a sender knows of one receiver.
 *
 * @module
 */
import type { Credit } from "./wire.ts";

/** One receiver, as its credits describe it. */
export interface Receiver {
  readonly id: string;
  /** When it was heard last. */
  heardAt: number;
  /** The number of the last ask that it has seen. */
  ask: number;
  /** How many asks were sent since it was heard last. */
  unanswered: number;
  /** Every chunk below is taken over. */
  next: number;
  /** What is taken over above `next`. */
  above: Set<number>;
  window: number;
  status: Credit["status"];
  reason: string | undefined;
  /** Whether it has credited chunk 0. Such a receiver sets the pace and must complete. */
  began: boolean;
}

/** A receiver of which nothing is known yet. */
export function createReceiver(id: string, now: number): Receiver {
  return {
    id,
    heardAt: now,
    ask: 0,
    unanswered: 0,
    next: 0,
    above: new Set(),
    window: 0,
    status: "receiving",
    reason: undefined,
    began: false,
  };
}

/** Whether a credit told of more than the one before, and whether it took back what that one said. */
export interface Change {
  readonly advanced: boolean;
  readonly regressed: boolean;
}

/** Takes over what `credit` says. What is complete stays so, for its memory of it may end before the sender's call. */
export function update(receiver: Receiver, credit: Credit, now: number): Change {
  const { status, next } = receiver;
  const before = next + receiver.above.size;
  receiver.heardAt = now;
  receiver.unanswered = 0;
  receiver.ask = Math.max(receiver.ask, credit.ask);
  if (status === "complete") return { advanced: false, regressed: false };
  receiver.next = credit.next;
  receiver.above = takenBetween(credit);
  receiver.window = credit.window;
  receiver.status = credit.status;
  receiver.reason = credit.reason;
  receiver.began ||= credit.status === "complete" || credit.next > 0;
  return {
    advanced: receiver.next + receiver.above.size > before || receiver.status !== status,
    regressed: receiver.status === "receiving" && receiver.next < next,
  };
}

/** Whether the receiver has taken over the chunk. */
export function hasTaken(receiver: Receiver, index: number): boolean {
  return receiver.status === "complete" || index < receiver.next || receiver.above.has(index);
}

/** Whether the receiver has taken over any chunk from `index` on, without being complete. */
export function hasTakenAbove(receiver: Receiver, index: number): boolean {
  if (receiver.status === "complete") return false;
  if (receiver.next > index) return true;
  for (const taken of receiver.above) if (taken >= index) return true;
  return false;
}

/** How many of the chunks the receiver has taken over. */
export function takenCount(receiver: Receiver, chunkCount: number): number {
  if (receiver.status === "complete") return chunkCount;
  return Math.min(chunkCount, receiver.next + receiver.above.size);
}

/** The most chunks between two gaps that are remembered; what lies above is simply sent again. */
const MOST_ABOVE = 100_000;

/**
 * A gap is listed only where something above it is taken over. So everything between two gaps is taken over, and the
 * first chunk after the last one; of what comes after that nothing is known.
 */
function takenBetween(credit: Credit): Set<number> {
  const above = new Set<number>();
  let from = credit.next;
  for (const [first, last] of credit.missing) {
    for (let index = from; index < first && above.size < MOST_ABOVE; index++) above.add(index);
    from = last + 1;
  }
  if (credit.missing.length > 0) above.add(from);
  return above;
}
