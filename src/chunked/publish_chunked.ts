/**
 * The sender: from one payload to chunks that are where they belong.
 *
 * @module
 */
import type { JetStreamClient } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/nats-core";
import { assertOneCore } from "../_core.ts";
import { isJetStreamClient } from "../_jetstream/client.ts";
import { connectionOf } from "../_jetstream/connection_of.ts";
import { describeSource } from "../_payload_source.ts";
import { describe } from "../_require.ts";
import type { ByteSource } from "../_source.ts";
import { requireSubject } from "../_subject.ts";
import { ChunkedPublishError, ConnectionClosedError, ResumeError } from "../errors.ts";
import { prepareCore, prepareStream, type Upload } from "./_send/prepare.ts";
import { ProgressTracker } from "./_send/progress_tracker.ts";
import {
  type CheckedPublishOptions,
  checkPublishOptions,
  type PublishChunkedOptions,
} from "./publish_options.ts";
import { requireSameUpload } from "./_send/resume_token.ts";

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
 * @param subject The subject of all chunks, or with `layout: "per-chunk"` the beginning of theirs.
 * @param source The payload: bytes (not copied: leave them alone until it resolves), a Blob, a file or another
 * {@linkcode SeekableSource}, a web stream or an async iterable (both with the option `size`). All but bytes are read
 * chunk by chunk, in constant memory. Whatever fails, a stream is cancelled and unlocked, and an iterator returned;
 * only where an argument is refused it stays as it is. Pieces of a stream are not copied where they need not be: leave
 * them alone too.
 * @param options Size, name, headers, bounds. All have defaults, but for `size` of a stream.
 * @returns The receipt, once every chunk is where it belongs.
 * @throws {TypeError | RangeError} If an argument is not what it should be; nothing was sent then.
 * @throws {NoStreamError | StreamUnfitError} If no stream keeps what is published there; nothing was sent then.
 * @throws {ConnectionClosedError} If the connection is closed; nothing was sent then.
 * @throws {JetStreamMissingError} If there is no JetStream where the client looks for it; nothing was sent then.
 * @throws {ResumeError} If an upload cannot be resumed: its source has changed, or its stream lost what it had.
 * @throws {ChunkedPublishError} If it failed on the way, or was aborted; `cause` says why (a {@linkcode SourceError}
 * where the source did not give what its size says), and `resumeToken` continues it.
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
 *
 * @example Send what is made on the way, and go on after a failure
 * ```ts
 * import { jetstream, jetstreamManager } from "@nats-io/jetstream";
 * import { ChunkedPublishError, connect, publishChunked } from "@natskit/natskit";
 *
 * const nc = await connect();
 * const jsm = await jetstreamManager(nc);
 * await jsm.streams.add({ name: "REPORTS", subjects: ["reports"] });
 * async function* lines() {
 *   for (let n = 0; n < 100_000; n++) yield new TextEncoder().encode(`${n}`.padStart(9) + "\n");
 * }
 * const hurry = new AbortController();
 * const options = { size: 1_000_000, chunkSize: 50_000, window: 100_000 };
 * try {
 *   await publishChunked(jetstream(nc), "reports", lines(), {
 *     ...options,
 *     signal: hurry.signal,
 *     onProgress: ({ confirmedBytes }) => confirmedBytes >= 300_000 && hurry.abort(),
 *   });
 * } catch (error) {
 *   const token = (error as ChunkedPublishError).resumeToken!;
 *   const kept = JSON.parse(JSON.stringify(token)); // a file, say, for the next process
 *   const receipt = await publishChunked(jetstream(nc), "reports", lines(), { ...options, resume: kept });
 *   console.log(token.confirmedChunks >= 6, receipt.chunkCount); // true 20
 * }
 * await nc.close();
 * ```
 */
export async function publishChunked(
  target: NatsConnection | JetStreamClient,
  subject: string,
  source: ByteSource,
  options: PublishChunkedOptions = {},
): Promise<ChunkedReceipt> {
  const startedAt = performance.now();
  const js = isJetStreamClient(target) ? target : undefined;
  const nc = js ? connectionOf(js) : requireConnection(target);
  requireSubject("subject", subject);
  const description = describeSource("source", source, options?.size);
  const checked = checkPublishOptions(options, description);
  const facts = {
    target: js ? "jetstream" as const : "core" as const,
    subject,
    layout: checked.layout,
    totalSize: description.size,
  };
  requireDeliverable(js, checked);
  if (checked.resume) {
    const { uploadId, chunkSize, filename, contentType } = checked;
    requireSameUpload(checked.resume, { ...facts, uploadId, chunkSize, filename, contentType });
  }
  if (nc.isClosed() || nc.isDraining()) {
    const state = nc.isClosed() ? "closed" : "draining";
    throw new ConnectionClosedError(`target is a ${state} connection, wanted is an open one`);
  }
  assertOneCore(nc);

  const tracker = new ProgressTracker(facts, checked);
  const payload = description.open(checked);
  let failure: unknown;
  try {
    checked.signal?.throwIfAborted();
    const upload: Upload = { nc, subject, payload, options: checked };
    const prepared = js ? await prepareStream(js, upload) : await prepareCore(upload);
    const { feed, subjectOf, stream, deliver } = prepared;
    tracker.begin(feed, stream);
    const { confirmed, warnings } = await deliver(tracker.delivery(feed, subjectOf));
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
    failure = error;
    // What is wrong with the arguments, or with the stream, showed before anything was sent.
    if (!tracker.hasBegun && !checked.signal?.aborted) throw error;
    if (error instanceof ResumeError) throw error;
    throw new ChunkedPublishError(subject, tracker.state, error);
  } finally {
    await payload.close(failure);
  }
}

/** Refuses what one of the two deliveries does not have. */
function requireDeliverable(
  js: JetStreamClient | undefined,
  { delivery, layout, resume }: CheckedPublishOptions,
): void {
  if (js && delivery === "unconfirmed") {
    throw new TypeError(
      `delivery is "unconfirmed", target is a JetStream client: its chunks are always confirmed`,
    );
  }
  if (!js && layout === "per-chunk") {
    throw new TypeError(
      `layout is "per-chunk", target is a connection: wanted is a JetStream client, for a stream keeps the chunks`,
    );
  }
  if (resume && delivery === "unconfirmed") {
    throw new TypeError(
      `delivery is "unconfirmed", and resume is given: nobody says what has arrived, so nothing can be resumed`,
    );
  }
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
