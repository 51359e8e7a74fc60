/**
 * Refusals that do not depend on an upload's bytes, and how refusals are told.
 *
 * @module
 */
import { HandlerTimeoutError } from "../../errors.ts";
import type { Refusal } from "../_format/conflict.ts";
import type { NatsMessage } from "./held_message.ts";
import type { RejectedEvent } from "../rejected_event.ts";

/** Whoever sent it does not speak the protocol. */
export const NO_CHUNK: Refusal = {
  reason: "malformed",
  message: "the message is no chunk of an upload",
  final: true,
};

/** Its headers are not what they should be. */
export function malformed(problem: string): Refusal {
  return { reason: "malformed", message: problem, final: true };
}

/** The id belongs to another sender. */
export const TAKEN: Refusal = {
  reason: "taken",
  message: "another sender is using the upload's id",
  final: true,
};

/** A question holds no bytes (PROTOCOL 4), and is kept while its sender waits. */
export const ASK_WITH_BODY: Refusal = {
  reason: "malformed",
  message: "an ask has a body, wanted is none",
  final: true,
};

/** Not final, for the chunks themselves are in the stream, and another consumer can have them. */
export const HEADERS_ONLY: Refusal = {
  reason: "malformed",
  message: "the consumer delivers headers only (headers_only), wanted are whole messages",
  final: false,
};

/** Nobody asked for the payload, and nobody will. */
export const ABANDONED: Refusal = {
  reason: "abandoned",
  message: "the receiver left before the upload was dealt with",
  final: true,
};

/** The application does not want the payload. */
export const REJECTED: Refusal = {
  reason: "rejected",
  message: "the receiver rejected the payload",
  final: false,
};

/** The upload gave way. */
export const EVICTED: Refusal = {
  reason: "evicted",
  message: "it sent nothing for five seconds, and another upload needed the room",
  final: false,
};

/** A sender that waits for nobody sends more than there is room for. */
export const OVERRUN: Refusal = {
  reason: "full",
  message: "the receiver has no room at the moment, and its sender does not wait for credit",
  final: false,
};

/** What a sender hears of a handler's error: its text may not be meant for strangers. */
export function handlerFailure(error: unknown, permanent: boolean): Refusal {
  const message = permanent
    ? (error as Error).message
    : error instanceof HandlerTimeoutError
    ? `the handler made no progress for ${error.timeout} ms`
    : "the handler failed";
  return { reason: "failed", message, final: permanent };
}

/** Nothing comes any more. */
export function idleFor(
  idleTimeout: number,
  { totalSize }: { readonly totalSize: number },
  receivedBytes: number,
): Refusal {
  const message = `no chunk came for ${idleTimeout} ms, ` +
    `${receivedBytes} of ${totalSize} bytes had`;
  return { reason: "idle", message, final: false };
}

/** What a sender reads in `X-Chunk-Reason`: a code where PROTOCOL 4 has one, else words. */
export function reasonFor({ reason, message }: Refusal): string {
  return reason === "abandoned" || reason === "taken" ? reason : message;
}

/** What `onRejected` is told. */
export function eventOf(
  { reason, message: words }: Refusal,
  scope: RejectedEvent["scope"],
  about: { readonly uploadId: string | undefined; readonly index?: number },
  message?: NatsMessage,
): RejectedEvent {
  return {
    reason,
    message: words,
    scope,
    ...(about.uploadId !== undefined && { uploadId: about.uploadId }),
    ...(message && about.index !== undefined && { chunkIndex: about.index }),
    ...(message && { subject: message.subject }),
  };
}
