/**
 * Which chunks of an upload a stream has: told by their headers alone.
 *
 * @module
 */
import type { ConsumerConfig, JetStreamClient, JsMsg } from "@nats-io/jetstream";
import { errors, nanos } from "@nats-io/nats-core";
import { withDeadline } from "../../_deadline.ts";
import { ask, type AskOptions } from "../../_jetstream/describe_stream.ts";
import type { ResumeToken } from "../../_resume_token.ts";
import { ResumeError } from "../../errors.ts";
import type { ChunkFeed } from "./delivery.ts";
import { parseChunkMessage } from "../_format/headers.ts";

/** So many headers at a time. */
const PAGE = 256;
/** How long a page may take before everything is asked for again, and how long the server keeps the consumer, in ms. */
const PAGE_TIMEOUT = 5_000;
const INACTIVE = 30_000;

/**
 * The sequences of the upload's chunks, by index.
 *
 * @param filter The subjects to look at; `undefined` for all of the stream.
 * @throws {ResumeError} There are chunks of another upload with the same id.
 */
export async function readStoredHeaders(
  js: JetStreamClient,
  token: ResumeToken,
  feed: ChunkFeed,
  filter: string | undefined,
  bounds: AskOptions,
): Promise<Map<number, number>> {
  const { name, firstSequence } = token.stream!;
  const config = {
    deliver_policy: "by_start_sequence",
    opt_start_seq: firstSequence,
    ...(filter !== undefined && { filter_subject: filter }),
    ack_policy: "none",
    headers_only: true,
    mem_storage: true,
    num_replicas: 1,
    inactive_threshold: nanos(INACTIVE),
  } satisfies Partial<ConsumerConfig>;
  return await ask(async () => {
    const sequences = new Map<number, number>();
    await readAll(js, name, config, bounds, (message) => {
      const index = chunkIndexOf(message, token, feed);
      if (index !== undefined && !sequences.has(index)) sequences.set(index, message.seq);
    });
    return sequences;
  }, bounds);
}

/** Reads everything that a consumer made for the purpose has to give. */
async function readAll(
  js: JetStreamClient,
  stream: string,
  config: Partial<ConsumerConfig>,
  { signal }: AskOptions,
  onMessage: (message: JsMsg) => void,
): Promise<void> {
  const jsm = await js.jetstreamManager(false);
  const info = await jsm.consumers.add(stream, config);
  try {
    const consumer = js.consumers.getConsumerFromInfo(info);
    for (let pending = info.num_pending; pending > 0;) {
      // No more than there are: a fetch for more waits for them.
      const most = { max_messages: Math.min(PAGE, pending), expires: PAGE_TIMEOUT };
      const page = await consumer.fetch(most);
      const before = pending;
      const reading = (async () => {
        for await (const message of page) {
          pending = message.info.pending;
          onMessage(message);
        }
      })();
      const onTimeout = (): Error => new errors.TimeoutError();
      await withDeadline(reading, { timeout: 2 * PAGE_TIMEOUT, signal, onTimeout });
      if (pending === before) throw onTimeout(); // the consumer is gone: it is tried again
    }
  } finally {
    await jsm.consumers.delete(stream, info.name).catch(() => {}); // the server does it by itself later
  }
}

/** The index, if it is a chunk of this upload. */
function chunkIndexOf(message: JsMsg, token: ResumeToken, feed: ChunkFeed): number | undefined {
  const { uploadId, totalSize } = token;
  const parsed = parseChunkMessage(message);
  if (parsed.type !== "chunk" || parsed.info.uploadId !== uploadId) return undefined;
  const { info } = parsed;
  const length = Number(message.headers!.get("Nats-Msg-Size"));
  const fits = info.chunkCount === feed.chunkCount && info.totalSize === totalSize &&
    length === feed.sizeOf(info.index);
  if (fits) return info.index;
  throw new ResumeError(
    uploadId,
    "conflict",
    `the stream has chunk ${info.index} of ${info.chunkCount} under its id, of ${length} bytes and ` +
      `${info.totalSize} in all; the upload has ${feed.chunkCount} chunks and ${totalSize} bytes`,
  );
}
