/**
 * The sender: from one payload to chunks that are where they belong.
 *
 * @module
 */
import type { JetStreamClient } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/nats-core";
import { serverInfo } from "../_connection.ts";
import { assertOneCore } from "../_core.ts";
import { createSha256 } from "../_digest.ts";
import { isJetStreamClient } from "../_jetstream/client.ts";
import { connectionOf } from "../_jetstream/connection_of.ts";
import { describe } from "../_require.ts";
import { type RangeSource, toRangeSource } from "../_source.ts";
import { requireSubject } from "../_subject.ts";
import { ChunkedPublishError, ConnectionClosedError } from "../errors.ts";
import { SourceFeed } from "./_chunk_feed.ts";
import { deliverConfirmed, deliverUnconfirmed } from "./_deliver_core.ts";
import { deliverOverJetStream, messageIdOf } from "./_deliver_jetstream.ts";
import type { Delivery, DeliveryReport } from "./_delivery.ts";
import { encodedLength, type UploadMetadata, writeLongestHeaders } from "./_headers.ts";
import { type MessageLimit, planChunks } from "./_plan.ts";
import { ProgressTracker } from "./_progress_tracker.ts";
import { checkStreamFits, describeStream } from "./_stream_fit.ts";
import {
  type CheckedPublishOptions,
  checkPublishOptions,
  type PublishChunkedOptions,
} from "./publish_options.ts";

/** What became of an upload. */
export interface ChunkedReceipt {
  /** The upload's id, in lower-case hyphenated form. */
  readonly uploadId: string;
  /** How many chunks it was. */
  readonly chunkCount: number;
  /** Bytes of the payload. */
  readonly totalSize: number;
  /** The SHA-256 of the payload, as `SHA-256=<base64url>`; absent with `digest: false`. */
  readonly digest?: string;
  /** How long it took, in milliseconds. */
  readonly durationMs: number;
  /** Whether somebody said of every chunk that it is there: the stream, or every receiver. */
  readonly confirmed: boolean;
  /** What could not be checked. */
  readonly warnings: readonly string[];
}

/**
 * Publishes a payload of any size in chunks, and loses nothing: over JetStream every chunk is stored and acknowledged,
 * over core NATS receivers grant credit for what they can take and say when they have it all. Receivers that
 * were written for version 1 of the protocol (the Rust `lib-nats`) read the same chunks.
 *
 * @param target A JetStream client, or a connection for core NATS.
 * @param subject The subject of all chunks.
 * @param source The payload: bytes (not copied: leave them alone until it resolves) or a Blob (read chunk by chunk).
 * @param options Size, name, headers, bounds. All have defaults.
 * @returns The receipt, once every chunk is where it belongs.
 * @throws {TypeError | RangeError} If an argument is not what it should be; nothing was sent then.
 * @throws {NoStreamError | StreamUnfitError} If no stream keeps what is published there; nothing was sent then.
 * @throws {ConnectionClosedError} If the connection is closed; nothing was sent then.
 * @throws {ChunkedPublishError} If it failed on the way, or was aborted; `cause` says why.
 *
 * @example Send a file's bytes through a stream
 * ```ts
 * import { jetstream, jetstreamManager } from "@nats-io/jetstream";
 * import { connect, publishChunked } from "@natskit/natskit";
 *
 * const nc = await connect();
 * const jsm = await jetstreamManager(nc);
 * await jsm.streams.add({ name: "UPLOADS", subjects: ["uploads"] });
 * const receipt = await publishChunked(jetstream(nc), "uploads", new Uint8Array(5_000_000), {
 *   filename: "zeros.bin",
 * });
 * console.log(receipt.chunkCount, receipt.digest);
 * await nc.close();
 * ```
 */
export async function publishChunked(
  target: NatsConnection | JetStreamClient,
  subject: string,
  source: Uint8Array | Blob,
  options: PublishChunkedOptions = {},
): Promise<ChunkedReceipt> {
  const startedAt = performance.now();
  const js = isJetStreamClient(target) ? target : undefined;
  const nc = js ? connectionOf(js) : requireConnection(target);
  requireSubject("subject", subject);
  const payload = toRangeSource("source", source);
  const checked = checkPublishOptions(options, payload);
  if (js && checked.delivery === "unconfirmed") {
    throw new TypeError(
      `delivery is "unconfirmed", target is a JetStream client: its chunks are always confirmed`,
    );
  }
  if (nc.isClosed() || nc.isDraining()) {
    const state = nc.isClosed() ? "closed" : "draining";
    throw new ConnectionClosedError(`target is a ${state} connection, wanted is an open one`);
  }
  assertOneCore(nc);

  const tracker = new ProgressTracker(payload.size, checked);
  try {
    checked.signal?.throwIfAborted();
    const { feed, deliver } = js
      ? await prepareStream(nc, js, subject, payload, checked)
      : await prepareCore(nc, payload, checked);
    tracker.begin(feed);
    const { confirmed, warnings } = await deliver(tracker.delivery(subject, feed));
    return {
      uploadId: checked.uploadId,
      chunkCount: feed.chunkCount,
      totalSize: payload.size,
      ...(feed.digest !== undefined && { digest: feed.digest }),
      durationMs: performance.now() - startedAt,
      confirmed,
      warnings,
    };
  } catch (error) {
    // What is wrong with the arguments, or with the stream, showed before anything was sent.
    if (!tracker.hasBegun && !checked.signal?.aborted) throw error;
    throw new ChunkedPublishError(subject, tracker.state, error);
  }
}

/** A cut payload, and the way it goes. */
interface Prepared {
  readonly feed: SourceFeed;
  readonly deliver: (delivery: Delivery) => Promise<DeliveryReport>;
}

async function prepareCore(
  nc: NatsConnection,
  payload: RangeSource,
  options: CheckedPublishOptions,
): Promise<Prepared> {
  const headerSize = longestHeaders(payload, options);
  const feed = await cut(payload, options, headerSize, [await serverLimit(nc, options)]);
  const send = options.delivery === "confirmed" ? deliverConfirmed : deliverUnconfirmed;
  return { feed, deliver: (delivery) => send(nc, delivery) };
}

async function prepareStream(
  nc: NatsConnection,
  js: JetStreamClient,
  subject: string,
  payload: RangeSource,
  options: CheckedPublishOptions,
): Promise<Prepared> {
  const { timeout, signal } = options;
  const limits = [await serverLimit(nc, options)];
  const stream = await describeStream(js, subject, { timeout, signal });
  if (stream.maxMessageSize !== undefined) {
    limits.push({ name: "the stream's max_msg_size", bytes: stream.maxMessageSize });
  }
  const headerSize = longestHeaders(payload, options);
  const feed = await cut(payload, options, headerSize, limits);
  const { chunkCount } = feed;
  const measures = { chunkCount, totalSize: payload.size, chunkSize: feed.sizeOf(0), headerSize };
  checkStreamFits(stream, subject, measures);
  return { feed, deliver: (delivery) => deliverOverJetStream(js, delivery, stream) };
}

async function serverLimit(
  nc: NatsConnection,
  options: CheckedPublishOptions,
): Promise<MessageLimit> {
  const { max_payload: bytes } = await serverInfo(nc, options);
  return { name: "the server's max_payload", bytes };
}

async function cut(
  payload: RangeSource,
  options: CheckedPublishOptions,
  headerSize: number,
  limits: readonly MessageLimit[],
): Promise<SourceFeed> {
  const { chunkSize, chunkCount } = planChunks(payload.size, options.chunkSize, headerSize, limits);
  const metadata = { ...metadataOf(payload, options), chunkCount };
  const hash = options.digest ? await createSha256() : undefined;
  return new SourceFeed(payload, metadata, chunkSize, options.headers, hash);
}

function metadataOf(
  payload: RangeSource,
  { uploadId, filename, contentType }: CheckedPublishOptions,
): Omit<UploadMetadata, "chunkCount"> {
  return { uploadId, totalSize: payload.size, filename, contentType };
}

/** More than any chunk's headers can have, whichever way it goes. */
function longestHeaders(payload: RangeSource, options: CheckedPublishOptions): number {
  const headers = writeLongestHeaders(metadataOf(payload, options), options.headers);
  headers.set("Nats-Msg-Id", messageIdOf(options.uploadId, Number.MAX_SAFE_INTEGER));
  return encodedLength(headers);
}

function requireConnection(target: unknown): NatsConnection {
  const found = target as Partial<NatsConnection> | null | undefined;
  if (typeof found?.publish === "function" && typeof found.subscribe === "function") {
    return target as NatsConnection;
  }
  throw new TypeError(
    `target is ${describe(target)}, wanted is a connection or a JetStream client`,
  );
}
