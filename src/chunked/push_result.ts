/**
 * What became of a message that was pushed into an assembler.
 *
 * @module
 */
import type { ChunkedPayload } from "./chunked_payload.ts";
import type { RejectedEvent } from "./rejected_event.ts";

/**
 * What became of a message:
 *
 * - `ignored`: it is no chunk: of another protocol, and over JetStream yours to acknowledge; or a sender's question, which
 *   was answered, or where a stream kept it acknowledged;
 * - `accepted`: a new chunk;
 * - `duplicate`: a chunk that was here already;
 * - `complete`: the last chunk that was missing; settle the payload with its `ack()` or `nak()`;
 * - `rejected`: refused, and over JetStream termed or handed back.
 */
export type PushResult =
  | { readonly type: "ignored" }
  | { readonly type: "accepted"; readonly uploadId: string; readonly chunkIndex: number }
  | { readonly type: "duplicate"; readonly uploadId: string; readonly chunkIndex: number }
  | { readonly type: "complete"; readonly payload: ChunkedPayload }
  | { readonly type: "rejected"; readonly event: RejectedEvent };
