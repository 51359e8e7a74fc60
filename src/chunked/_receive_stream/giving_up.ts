/**
 * Why an upload of a stream ends before it was handled, and what that means for its messages.
 *
 * @module
 */
import type { Delivery } from "../../_jetstream/delivery.ts";
import type { Settlement } from "../../_jetstream/lease.ts";
import type { Refusal } from "../_format/conflict.ts";
import { EVICTED, idleFor } from "../_intake/refusals.ts";
import type { Outcome, StreamingUpload } from "../_receive/streaming_upload.ts";
import type { CheckedReceiveOptions } from "../receive_options.ts";
import { nakDelay } from "./stream_world.ts";

/** Why an upload is given up, and what is done with its messages; without a settlement they are left alone. */
export interface GivingUp {
  readonly refusal: Refusal;
  readonly settlement: Settlement | undefined;
}

/** The receiver stops: another one can have the upload at once. */
export const STOPPED: GivingUp & { readonly settlement: Settlement } = {
  refusal: { reason: "abandoned", message: "the receiver stops", final: false },
  settlement: { type: "nak", delay: 0 },
};

/** It gets nothing, and another one needs its place. */
export function evicted(delivery: Delivery): GivingUp {
  return { refusal: EVICTED, settlement: later(delivery) };
}

/** Another receiver may have it, so its messages are not ours to settle. */
export function lost(ackWait: number): GivingUp {
  const message =
    `the server could not be told for ${Math.round(ackWait)} ms that it is worked on, ` +
    "so another receiver may have it";
  return { refusal: { reason: "abandoned", message, final: false }, settlement: undefined };
}

/** What is missing of it cannot be read back. */
export function unreadable(error: unknown, delivery: Delivery): GivingUp {
  const words = error instanceof Error ? error.message : String(error);
  const message = `its chunks cannot be read from the stream: ${words}`;
  return {
    refusal: { reason: "abandoned", message, final: false },
    settlement: later(delivery),
  };
}

/** No chunk came for `idleTimeout`: it comes again, so that a resuming sender finds it, until `abandonAfter` is over. */
export function idle(
  { info, receivedBytes }: StreamingUpload,
  delivery: Delivery,
  { idleTimeout, abandonAfter }: CheckedReceiveOptions,
): GivingUp {
  const refusal = idleFor(idleTimeout, info, receivedBytes);
  if (Date.now() - delivery.storedAt < abandonAfter) {
    return { refusal, settlement: later(delivery) };
  }
  const message = `${refusal.message}, abandonAfter is over`;
  return {
    refusal: { ...refusal, message, final: true },
    settlement: { type: "term", reason: "the upload was never finished" },
  };
}

/** What its bytes, or its handler, brought about. */
export function endingBadly(
  outcome: Extract<Outcome, { type: "failed" | "corrupt" }>,
  delivery: Delivery,
): GivingUp {
  if (outcome.type === "corrupt") {
    const { refusal } = outcome;
    return { refusal, settlement: { type: "term", reason: refusal.message } };
  }
  const { error, permanent } = outcome;
  const words = error instanceof Error ? error.message : "the handler failed";
  return {
    refusal: { reason: "failed", message: words, final: permanent },
    settlement: permanent ? { type: "term", reason: words } : later(delivery),
  };
}

/** It comes again, later at every delivery. */
function later({ deliveryCount }: Delivery): Settlement {
  return { type: "nak", delay: nakDelay(deliveryCount) };
}
