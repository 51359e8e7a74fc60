/**
 * How long a sender waits for receivers that say nothing.
 *
 * @module
 */
import * as failures from "./_failures.ts";
import type { Failure } from "./_failures.ts";
import type { Receiver } from "./_receiver_view.ts";

/** The first word of all waits so long for that of others: a refusal for a receiver that accepts, success for more. */
export const GRACE_MS = 250;
/** Nobody counts as silent before so many asks were left without an answer: time alone may have passed for us only. */
export const UNANSWERED_ASKS = 2;

/** What is known of those who could answer. */
export interface Situation {
  readonly receivers: readonly Receiver[];
  readonly connected: boolean;
  readonly startedAt: number;
  /** How many asks were sent. */
  readonly asks: number;
  /** The longest time without progress, in milliseconds. */
  readonly timeout: number;
  /** What it means when nobody ever answered. */
  readonly nobody: () => Failure;
  /** What it means when a receiver that must complete answers no more. */
  readonly silence: (receiver: Receiver) => Failure;
}

/** A moment, and what has failed if nothing more is heard until then. */
export interface Deadline {
  readonly at: number;
  readonly failure: () => Failure;
}

/** When it has failed, if nothing more is heard until then, and why. */
export function deadlineIn(situation: Situation): Deadline {
  const { receivers, startedAt, asks, timeout, nobody, silence } = situation;
  if (receivers.length === 0) return silentFrom(situation, startedAt, asks, nobody);

  const receiving = receivers.filter(({ status }) => status === "receiving");
  if (receiving.length === 0) {
    const last = Math.max(...receivers.map(({ heardAt }) => heardAt));
    return { at: last + GRACE_MS, failure: () => failures.rejected(receivers[0]!.reason) };
  }
  const pace = receiving.filter(({ began }) => began);
  if (pace.length > 0) {
    return pace
      .map((each) => silentFrom(situation, each.heardAt, each.unanswered, () => silence(each)))
      .reduce((first, each) => each.at < first.at ? each : first);
  }
  const failure = (): Failure => failures.silent(timeout, undefined);
  return receiving
    .map((each) => silentFrom(situation, each.heardAt, each.unanswered, failure))
    .reduce((last, each) => each.at > last.at ? each : last);
}

function silentFrom(
  { connected, timeout }: Situation,
  heardAt: number,
  unanswered: number,
  failure: () => Failure,
): Deadline {
  if (!connected) return { at: heardAt + timeout, failure: () => failures.away(timeout) };
  if (unanswered < UNANSWERED_ASKS) return { at: Infinity, failure }; // the next ask comes first
  return { at: heardAt + timeout, failure };
}

/** Whether the receiver has said nothing for a while, although it was asked. */
export function isUnresponsive({ unanswered }: Receiver): boolean {
  return unanswered >= UNANSWERED_ASKS;
}
