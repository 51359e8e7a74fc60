/**
 * A stream and a consumer that go together with chunked uploads.
 *
 * @module
 */
import type {
  ConsumerConfig,
  ConsumerInfo,
  JetStreamClient,
  JetStreamManager,
  PriorityPolicy,
  StreamInfo,
} from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/nats-core";
import { apiCode, STREAM_NOT_FOUND } from "../_jetstream/api_code.ts";
import { findConsumer } from "../_jetstream/describe_consumer.ts";
import { ask } from "../_jetstream/describe_stream.ts";
import { type EnsureChunkedStreamOptions, planStream } from "./ensure_options.ts";

/** A field that is not as it was wanted, and was left as it is. */
export interface ConfigDifference {
  /** Whose field it is. */
  readonly of: "stream" | "consumer";
  /** The field of the server's configuration, such as `max_age`. */
  readonly field: string;
  /** What it has; `undefined` where the server does not know the field. */
  readonly found: unknown;
  /** What was wanted. */
  readonly wanted: unknown;
}

/** What {@linkcode ensureChunkedStream} found, or made. */
export interface ChunkedStreamReport {
  /** The stream's name. */
  readonly stream: string;
  /** The consumer's name. */
  readonly consumer: string;
  /** What was created by this call. */
  readonly created: readonly ("stream" | "consumer")[];
  /** What is not as it was wanted: it is never changed. */
  readonly differences: readonly ConfigDifference[];
}

/** Server: "stream name already in use with a different configuration". */
const STREAM_NAME_IN_USE = 10058;
/** Server: "consumer already exists", with another configuration. */
const CONSUMER_EXISTS = 10148;
/** The first API level with priority groups, that of 2.11. */
const LEVEL_WITH_GROUPS = 1;
const GROUP = "receiver";

/**
 * Makes a stream that keeps uploads whole, and a durable consumer that they can be received from. What is there already
 * stays exactly as it is: the report says what differs. It may be called at every start.
 *
 * The stream discards nothing old to make room, knows repeated chunks, and allows direct gets. The consumer acknowledges
 * each message explicitly and delivers as often as it takes. On work-queue and interest streams it works with one
 * receiver at a time, where the server has pinned clients (2.11 and newer).
 *
 * @param target A connection, or a JetStream client.
 * @param options The names, and what to make.
 * @returns The names, what was created, and what differs.
 * @throws {TypeError | RangeError} If an argument is not what it should be.
 * @throws {ConnectionClosedError} If the connection is closed.
 * @throws {NoProgressError} If nobody answers.
 *
 * @example Make a stream for uploads, and one for many workers
 * ```ts
 * import { connect, ensureChunkedStream } from "@natskit/natskit";
 *
 * const nc = await connect();
 * const inbox = await ensureChunkedStream(nc, { stream: "INBOX", subjects: "inbox" });
 * const videos = await ensureChunkedStream(nc, {
 *   stream: "VIDEOS",
 *   subjects: "videos",
 *   consumer: "transcoders",
 *   layout: "per-chunk",
 * });
 * console.log(inbox.consumer, inbox.differences, videos.created);
 * await nc.close();
 * ```
 */
export async function ensureChunkedStream(
  target: NatsConnection | JetStreamClient,
  options: EnsureChunkedStreamOptions,
): Promise<ChunkedStreamReport> {
  const { js, signal, name, consumer, streamConfig, consumerConfig, isExclusive } = planStream(
    target,
    options,
  );
  const jsm = await js.jetstreamManager(false);
  const created: ("stream" | "consumer")[] = [];

  let stream = await findStreamInfo(jsm, name, signal);
  if (!stream) {
    stream = await create(() => jsm.streams.add(streamConfig), STREAM_NAME_IN_USE, signal);
    if (stream) created.push("stream");
    stream ??= (await findStreamInfo(jsm, name, signal))!;
  }

  const hasGroups = isExclusive && await apiLevel(jsm, signal) >= LEVEL_WITH_GROUPS;
  const wanted = hasGroups ? { ...consumerConfig, ...pinned(consumerConfig) } : consumerConfig;
  let info: ConsumerInfo | null | undefined = await findConsumer(js, name, consumer, { signal });
  if (!info) {
    info = await create(() => jsm.consumers.add(name, wanted), CONSUMER_EXISTS, signal);
    if (info) created.push("consumer");
    info ??= (await findConsumer(js, name, consumer, { signal }))!;
  }
  return {
    stream: name,
    consumer,
    created,
    differences: [
      ...differences("stream", stream.config, streamConfig),
      ...differences("consumer", info.config, wanted),
    ],
  };
}

/** Only one receiver gets messages, until it has asked for none for a whole ack wait. */
function pinned({ ack_wait }: Partial<ConsumerConfig>): Partial<ConsumerConfig> {
  return {
    priority_groups: [GROUP],
    priority_policy: "pinned_client" as PriorityPolicy,
    priority_timeout: ack_wait!,
  };
}

async function apiLevel(jsm: JetStreamManager, signal: AbortSignal | undefined): Promise<number> {
  const { api } = await ask(() => jsm.getAccountInfo(), { signal });
  return (api as { level?: number }).level ?? 0;
}

async function findStreamInfo(
  jsm: JetStreamManager,
  name: string,
  signal: AbortSignal | undefined,
): Promise<StreamInfo | undefined> {
  try {
    return await ask(() => jsm.streams.info(name), { signal });
  } catch (error) {
    if (apiCode(error) === STREAM_NOT_FOUND) return undefined;
    throw error;
  }
}

/** What was created, as the server tells it; `undefined` where somebody else was faster and made it otherwise. */
async function create<T>(
  work: () => Promise<T>,
  exists: number,
  signal: AbortSignal | undefined,
): Promise<T | undefined> {
  try {
    return await ask(work, { signal });
  } catch (error) {
    if (apiCode(error) === exists) return undefined;
    throw error;
  }
}

function differences(
  of: ConfigDifference["of"],
  found: object,
  wanted: object,
): ConfigDifference[] {
  const known = found as Record<string, unknown>;
  return Object.entries(wanted)
    .filter(([field, value]) => !isSame(known[field], value))
    .map(([field, value]) => ({ of, field, found: known[field], wanted: value }));
}

/** The server leaves out what is false, and sorts nothing. */
function isSame(found: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted) && Array.isArray(found)) {
    return JSON.stringify([...found].sort()) === JSON.stringify([...wanted].sort());
  }
  return found === wanted;
}
