/**
 * Everything that comes before the first chunk: limits, the cut, the stream, and what an earlier call has left there.
 *
 * @module
 */
import type { JetStreamClient } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/nats-core";
import { serverInfo } from "../../_connection.ts";
import { createSha256 } from "../../_digest.ts";
import { describeStream, type StreamDescription } from "../../_jetstream/describe_stream.ts";
import type { PayloadSource } from "../../_payload_source.ts";
import type { ResumeStream } from "../../_resume_token.ts";
import { hasName } from "../../_retry.ts";
import { requireSubject } from "../../_subject.ts";
import { JetStreamMissingError } from "../../errors.ts";
import { SourceFeed } from "./chunk_feed.ts";
import { deliverConfirmed, deliverUnconfirmed } from "./deliver_core.ts";
import { deliverOverJetStream, messageIdOf } from "./deliver_jetstream.ts";
import type { Delivery, DeliveryReport } from "./delivery.ts";
import { encodedLength, type UploadMetadata, writeLongestHeaders } from "../_format/headers.ts";
import { type MessageLimit, planChunks } from "./plan.ts";
import { findStoredChunks } from "./stored_before.ts";
import { checkPerChunkFits, checkStreamFits } from "./stream_fit.ts";
import type { CheckedPublishOptions } from "../publish_options.ts";

/** One call. */
export interface Upload {
  readonly nc: NatsConnection;
  readonly subject: string;
  readonly payload: PayloadSource;
  readonly options: CheckedPublishOptions;
}

/** A cut payload, and the way it goes. */
export interface Prepared {
  readonly feed: SourceFeed;
  readonly subjectOf: (index: number) => string;
  /** Where the chunks go, for a token; `undefined` where that is not known, or no stream. */
  readonly stream: ResumeStream | undefined;
  readonly deliver: (delivery: Delivery) => Promise<DeliveryReport>;
}

/** Over core NATS. */
export async function prepareCore(upload: Upload): Promise<Prepared> {
  const { nc, subject, options } = upload;
  const feed = await cut(upload, longestHeaders(upload), [await serverLimit(upload)]);
  const send = options.delivery === "confirmed" ? deliverConfirmed : deliverUnconfirmed;
  return {
    feed,
    subjectOf: () => subject,
    stream: undefined,
    deliver: (delivery) => send(nc, delivery),
  };
}

/** Over JetStream. */
export async function prepareStream(js: JetStreamClient, upload: Upload): Promise<Prepared> {
  const { subject, payload, options: { layout, resume, uploadId, timeout, signal } } = upload;
  const limits = [await serverLimit(upload)];
  const isPerChunk = layout === "per-chunk";
  const prefix = `${subject}.${uploadId}`;
  const subjectOf = isPerChunk ? (index: number) => `${prefix}.${index}` : () => subject;
  requireSubject("the subject of a chunk", isPerChunk ? `${prefix}.${payload.size}` : subject);

  const stream = await findStream(js, subjectOf(0), { timeout, signal });
  if (stream.maxMessageSize !== undefined) {
    limits.push({ name: "the stream's max_msg_size", bytes: stream.maxMessageSize });
  }
  const headerSize = longestHeaders(upload);
  const feed = await cut(upload, headerSize, limits);
  const { chunkCount } = feed;
  if (isPerChunk) checkPerChunkFits(stream, chunkCount, subjectOf);
  const filter = isPerChunk ? `${prefix}.*` : subject;
  const stored = resume &&
    await findStoredChunks(js, stream, resume, { feed, filter, timeout, signal });
  const chunkSize = feed.sizeOf(0);
  const measures = { chunkCount, totalSize: payload.size, chunkSize, headerSize };
  checkStreamFits(stream, subjectOf(chunkCount - 1), { ...measures, stored, perChunk: isPerChunk });
  return {
    feed,
    subjectOf,
    stream: resume?.stream ?? placeIn(stream),
    deliver: (delivery) => deliverOverJetStream(js, delivery, stream, stored),
  };
}

/** The stream before it has a chunk: those to come have higher sequences. */
function placeIn({ facts }: StreamDescription): ResumeStream | undefined {
  if (!facts) return undefined;
  const { name, created, state } = facts;
  return { name, created, firstSequence: state.last_seq + 1, lastSequence: 0 };
}

async function findStream(
  js: JetStreamClient,
  subject: string,
  bounds: { timeout: number; signal: AbortSignal | undefined },
): Promise<StreamDescription> {
  try {
    return await describeStream(js, subject, bounds);
  } catch (error) {
    if (!hasName(error, "JetStreamNotEnabled")) throw error;
    throw new JetStreamMissingError(js.apiPrefix, { cause: error });
  }
}

async function serverLimit({ nc, options }: Upload): Promise<MessageLimit> {
  const { max_payload: bytes } = await serverInfo(nc, options);
  return { name: "the server's max_payload", bytes };
}

async function cut(
  { payload, options }: Upload,
  headerSize: number,
  limits: readonly MessageLimit[],
): Promise<SourceFeed> {
  const { chunkSize, chunkCount } = planChunks(payload.size, options.chunkSize, headerSize, limits);
  const metadata = { ...metadataOf(payload, options), chunkCount };
  const hash = options.digest ? await createSha256() : undefined;
  return new SourceFeed(payload, metadata, chunkSize, options.headers, hash, options.resume);
}

function metadataOf(
  payload: PayloadSource,
  { uploadId, filename, contentType }: CheckedPublishOptions,
): Omit<UploadMetadata, "chunkCount"> {
  return { uploadId, totalSize: payload.size, filename, contentType };
}

/** More than any chunk's headers can have, whichever way it goes. */
function longestHeaders({ payload, options }: Upload): number {
  const headers = writeLongestHeaders(metadataOf(payload, options), options.headers);
  headers.set("Nats-Msg-Id", messageIdOf(options.uploadId, Number.MAX_SAFE_INTEGER));
  return encodedLength(headers);
}
