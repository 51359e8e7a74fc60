/**
 * Payloads of any size, in chunks, over core NATS and JetStream: nothing is reported as sent that is not there.
 *
 * @module
 */
export {
  ChunkedPublishError,
  ConnectionClosedError,
  CoreMismatchError,
  MessageDroppedError,
  NoProgressError,
  NoStreamError,
  ReceiverError,
  type ReceiverFailure,
  StreamChangedError,
  StreamUnfitError,
  UploadIdTakenError,
} from "../errors.ts";
export { assembleChunks } from "./assemble_chunks.ts";
export type { AssemblerOptions } from "./assembler_options.ts";
export type { ChunkedPayload } from "./chunked_payload.ts";
export { type ChunkAssembler, createChunkAssembler } from "./create_chunk_assembler.ts";
export type { NatsMessage } from "./_held_message.ts";
export { type ChunkedReceipt, publishChunked } from "./publish_chunked.ts";
export type { ChunkedProgress, PublishChunkedOptions } from "./publish_options.ts";
export type { PushResult } from "./push_result.ts";
export type { RejectedEvent, RejectReason } from "./rejected_event.ts";
