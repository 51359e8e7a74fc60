/**
 * What there is to know about a consumer before it is received from.
 *
 * @module
 */
import type {
  ConsumerConfig,
  ConsumerInfo,
  JetStreamClient,
  StreamConfig,
} from "@nats-io/jetstream";
import { ConsumerUnfitError, NoConsumerError } from "../errors.ts";
import { apiCode, STREAM_NOT_FOUND } from "./api_code.ts";
import { ask, type AskOptions } from "./describe_stream.ts";

/** Server: "consumer not found". */
const CONSUMER_NOT_FOUND = 10014;
/** The server's default, in milliseconds. */
const DEFAULT_ACK_WAIT = 30_000;

/** A consumer whose messages can be worked on one by one, as the server describes it. */
export interface ConsumerFacts {
  /** The stream's name. */
  readonly stream: string;
  /** The consumer's name. */
  readonly consumer: string;
  /** The stream's configuration. */
  readonly streamConfig: StreamConfig;
  /** The consumer's configuration. */
  readonly config: ConsumerConfig;
  /** The subjects that it delivers; all of the stream's where it has no filter. */
  readonly filters: readonly string[];
  /** The shortest time after which a message that nobody keeps alive is delivered again, in milliseconds. */
  readonly ackWait: number;
  /** How many messages may be unacknowledged; `undefined` for any number. */
  readonly maxAckPending: number | undefined;
  /** The priority group to pull for. */
  readonly group: string | undefined;
  /** Whether the group is pinned to one client at a time. */
  readonly isPinned: boolean;
  /** After how long without a pull the pin goes to another client, in milliseconds. */
  readonly pinTimeout: number;
}

/** The consumer's information; `null` only if the server says that it, or its stream, is not there. */
export async function findConsumer(
  js: JetStreamClient,
  stream: string,
  consumer: string,
  options: AskOptions = {},
): Promise<ConsumerInfo | null> {
  const jsm = await js.jetstreamManager(false);
  try {
    return await ask(() => jsm.consumers.info(stream, consumer), options);
  } catch (error) {
    const code = apiCode(error);
    if (code === CONSUMER_NOT_FOUND || code === STREAM_NOT_FOUND) return null;
    throw error;
  }
}

/**
 * Asks the server for a consumer, and refuses one that does not settle message by message.
 *
 * @throws {NoConsumerError} It, or its stream, is not there.
 * @throws {ConsumerUnfitError} It acknowledges otherwise than explicitly, pushes, or delivers headers only.
 * @throws {ConnectionClosedError} The connection is closed.
 */
export async function describeConsumer(
  js: JetStreamClient,
  stream: string,
  consumer: string,
  options: AskOptions = {},
): Promise<ConsumerFacts> {
  const info = await findConsumer(js, stream, consumer, options);
  if (!info) throw new NoConsumerError(stream, consumer);
  const { config } = info;
  checkFit(stream, consumer, config);
  const jsm = await js.jetstreamManager(false);
  const { config: streamConfig } = await ask(() => jsm.streams.info(stream), options);
  const waits = [config.ack_wait || DEFAULT_ACK_WAIT * 1e6, ...(config.backoff ?? [])];
  const most = config.max_ack_pending ?? -1;
  return {
    stream,
    consumer,
    streamConfig,
    config,
    filters: config.filter_subjects ?? (config.filter_subject ? [config.filter_subject] : []),
    ackWait: Math.min(...waits) / 1e6,
    maxAckPending: most > 0 ? most : undefined,
    group: config.priority_groups?.[0],
    isPinned: config.priority_policy === "pinned_client",
    pinTimeout: (config.priority_timeout || 120_000 * 1e6) / 1e6,
  };
}

function checkFit(stream: string, consumer: string, config: ConsumerConfig): void {
  const refuse = (
    field: keyof ConsumerConfig,
    found: string | boolean,
    wanted: string | boolean,
    reason: string,
  ): never => {
    throw new ConsumerUnfitError(stream, consumer, field, found, wanted, reason);
  };
  if (config.deliver_subject) {
    const reason = "a push consumer sends without being asked, faster than a handler may take it";
    refuse("deliver_subject", config.deliver_subject, "none", reason);
  }
  if (config.ack_policy !== "explicit") {
    const reason = config.ack_policy === "none"
      ? "what is lost would not come again"
      : "one acknowledgement would settle the chunks of other uploads";
    refuse("ack_policy", config.ack_policy, "explicit", reason);
  }
  if (config.headers_only) {
    refuse("headers_only", true, false, "it delivers messages without their bytes");
  }
}
