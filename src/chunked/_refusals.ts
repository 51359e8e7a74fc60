/**
 * Refusals that do not depend on an upload's bytes, and how refusals are told.
 *
 * @module
 */
import type { NatsMessage } from "./_held_message.ts";
import type { RejectedEvent } from "./rejected_event.ts";
import type { Refusal } from "./_upload_table.ts";

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
