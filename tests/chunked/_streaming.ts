/** Receivers with handlers over core NATS for tests. */
import type { NatsConnection } from "@nats-io/nats-core";
import type { UploadContext, UploadHandler } from "../../src/_upload.ts";
import type { ChunkedReceiver } from "../../src/chunked/chunked_receiver.ts";
import { receiveChunked } from "../../src/chunked/receive_chunked.ts";
import type { ReceiveChunkedOptions } from "../../src/chunked/receive_options.ts";
import type { RejectedEvent } from "../../src/chunked/rejected_event.ts";
import { createSha256, formatDigest } from "../../src/_digest.ts";

/** An upload that a handler took in whole. */
export interface Taken {
  readonly uploadId: string;
  readonly filename: string | undefined;
  readonly bytes: number;
  readonly digest: string;
}

/** A receiver that runs, with all that it got. */
export interface RunningHandler {
  readonly receiver: ChunkedReceiver;
  readonly taken: Taken[];
  readonly rejected: RejectedEvent[];
  /** How many handlers have begun. */
  readonly begun: UploadContext[];
}

/** Reads a stream to its end, with `onChunk` in between. */
export async function digestStream(
  stream: ReadableStream<Uint8Array>,
  onChunk: (chunk: Uint8Array) => unknown = () => {},
): Promise<{ bytes: number; digest: string }> {
  const hash = await createSha256();
  let bytes = 0;
  for await (const chunk of stream) {
    hash.update(chunk);
    bytes += chunk.length;
    await onChunk(chunk);
  }
  return { bytes, digest: formatDigest(hash.digest()) };
}

/** Starts a receiver that reads and hashes everything. */
export async function startHandler(
  nc: NatsConnection,
  subject: string,
  { queue, options, onChunk, before, after }: {
    queue?: string;
    options?: ReceiveChunkedOptions;
    onChunk?: (chunk: Uint8Array) => unknown;
    before?: UploadHandler;
    after?: UploadHandler;
  } = {},
): Promise<RunningHandler> {
  const taken: Taken[] = [];
  const rejected: RejectedEvent[] = [];
  const begun: UploadContext[] = [];
  const receiver = await receiveChunked(
    { nc, subject, ...(queue !== undefined && { queue }) },
    async (stream, context) => {
      begun.push(context);
      await before?.(stream, context);
      const { uploadId, filename } = context;
      const whole = await digestStream(stream, onChunk);
      await after?.(stream, context);
      taken.push({ uploadId, filename, ...whole });
    },
    { onRejected: (event) => void rejected.push(event), ...options },
  );
  return { receiver, taken, rejected, begun };
}
