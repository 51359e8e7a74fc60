/**
 * Whether an upload that begins can be received at all.
 *
 * @module
 */
import type { Msg } from "@nats-io/nats-core";
import { parseUploadId } from "../../_upload_id.ts";
import { chunkSizeFrom } from "../_format/chunk_shape.ts";
import { type Refusal, tooLarge } from "../_format/conflict.ts";
import type { ChunkInfo } from "../_format/headers.ts";
import type { CheckedReceiveOptions } from "../receive_options.ts";

const ONE_SUBJECT: Refusal = {
  reason: "rejected",
  message:
    "removeWhenDone is for uploads with one subject per chunk, this one has one subject for all",
  final: true,
};
/** What the first chunk tells about its upload, or why the upload can never be received here. */
export function judgeTicket(
  info: ChunkInfo,
  { subject, data }: Pick<Msg, "subject" | "data">,
  { maxUploadBytes, removeWhenDone }: CheckedReceiveOptions,
): Refusal | { readonly chunkSize: number; readonly isPerChunk: boolean } {
  const { totalSize, uploadId } = info;
  if (totalSize > maxUploadBytes) {
    return tooLarge(`the upload has ${totalSize} bytes, maxUploadBytes is ${maxUploadBytes}`);
  }
  const shape = chunkSizeFrom(info, data.length);
  if ("problem" in shape) return { reason: "length", message: shape.problem, final: true };
  const isPerChunk = isTicketSubject(subject, uploadId);
  if (removeWhenDone && !isPerChunk) return ONE_SUBJECT;
  return { chunkSize: shape.chunkSize, isPerChunk };
}

/** Whether the subject is that of the first chunk of an upload with one subject per chunk. */
function isTicketSubject(subject: string, uploadId: string): boolean {
  const [token, index] = subject.split(".").slice(-2);
  return index === "0" && token !== undefined && parseUploadId(token) === uploadId;
}
