/**
 * Payloads of any size, in chunks, over core NATS and JetStream: nothing is reported as sent that is not there.
 *
 * @module
 */
export {
  AckPendingLimitError,
  ChunkedPublishError,
  ConnectionClosedError,
  ConsumerUnfitError,
  CoreMismatchError,
  DigestMismatchError,
  HandlerTimeoutError,
  JetStreamMissingError,
  MessageDroppedError,
  NoConsumerError,
  NoProgressError,
  NoStreamError,
  PermanentError,
  ReceiverError,
  type ReceiverFailure,
  ResumeError,
  type ResumeFailure,
  SourceError,
  StreamChangedError,
  StreamUnfitError,
  UploadAbandonedError,
  UploadIdTakenError,
} from "../errors.ts";
export type { JetStreamTargetOptions } from "../_jetstream/client.ts";
export type { ResumeStream, ResumeToken } from "../_resume_token.ts";
export type { ByteSource, SeekableSource } from "../_source.ts";
export type { UploadContext, UploadHandler } from "../_upload.ts";
export { assembleChunks } from "./assemble_chunks.ts";
export type { AssemblerOptions } from "./assembler_options.ts";
export type { ChunkedPayload } from "./chunked_payload.ts";
export type { ChunkedReceiver } from "./chunked_receiver.ts";
export { type ChunkAssembler, createChunkAssembler } from "./create_chunk_assembler.ts";
export {
  type ChunkedStreamReport,
  type ConfigDifference,
  ensureChunkedStream,
} from "./ensure_chunked_stream.ts";
export type { EnsureChunkedStreamOptions } from "./ensure_options.ts";
export type { NatsMessage } from "./_intake/held_message.ts";
export { type ChunkedReceipt, publishChunked } from "./publish_chunked.ts";
export type { ChunkedProgress, PublishChunkedOptions } from "./publish_options.ts";
export type { PushResult } from "./push_result.ts";
export { receiveChunked } from "./receive_chunked.ts";
export type {
  ChunkSource,
  ConsumerSource,
  ReceiveChunkedOptions,
  SubjectSource,
} from "./receive_options.ts";
export type { RejectedEvent, RejectReason } from "./rejected_event.ts";
