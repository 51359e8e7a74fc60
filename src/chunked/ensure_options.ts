/**
 * What `ensureChunkedStream` is asked for, and the configurations that follow from it.
 *
 * @module
 */
import {
  AckPolicy,
  type ConsumerConfig,
  DeliverPolicy,
  DiscardPolicy,
  type JetStreamClient,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/nats-core";
import {
  JETSTREAM_TARGET_KEYS,
  type JetStreamTargetOptions,
  toJetStreamClient,
} from "../_jetstream/client.ts";
import { requireJetStreamName } from "../_jetstream/require_name.ts";
import {
  describe,
  requireKnownKeys,
  requirePositive,
  requireSignal,
  requireString,
} from "../_require.ts";

/** What `ensureChunkedStream` makes. Sizes in bytes, times in milliseconds. */
export interface EnsureChunkedStreamOptions extends JetStreamTargetOptions {
  /** The stream's name. */
  stream: string;
  /**
   * What uploads are published to: the subjects that `publishChunked` is given. With `layout: "per-chunk"` the stream
   * captures the chunks' subjects below them.
   */
  subjects: string | readonly string[];
  /**
   * The durable consumer's name.
   * @default {"receiver"}
   */
  consumer?: string;
  /**
   * `"one"`: all chunks of an upload have one subject, and one receiver works at a time. `"per-chunk"`: each has a subject
   * of its own, and many receivers share the consumer, which delivers first chunks only.
   * @default {"one"}
   */
  layout?: "one" | "per-chunk";
  /**
   * How long the stream keeps chunks: up to its limits, until they are acknowledged (`"workqueue"`), or until every
   * consumer has acknowledged them (`"interest"`). Chunks with subjects of their own need `"limits"`.
   * @default {"limits"}
   */
  retention?: "limits" | "workqueue" | "interest";
  /**
   * Where the stream is stored.
   * @default {"file"}
   */
  storage?: "file" | "memory";
  /**
   * How many servers store it.
   * @default {1}
   */
  replicas?: number;
  /**
   * The most bytes that the stream holds; an upload for which there is no room is refused.
   * @default no limit
   */
  maxBytes?: number;
  /**
   * How long chunks stay that nobody removes.
   * @default {86_400_000} 24 hours
   */
  maxAge?: number;
  /**
   * For how long the stream knows a chunk again that is sent twice. An upload that goes on later is compared chunk by
   * chunk.
   * @default {3_600_000} one hour, or `maxAge` where that is less
   */
  duplicateWindow?: number;
  /**
   * How long the server waits for a receiver that does not answer before another one gets its upload.
   * @default {30_000}
   */
  ackWait?: number;
  /** Gives up with its reason. */
  signal?: AbortSignal;
}

const KEYS: readonly (keyof EnsureChunkedStreamOptions)[] = [
  "stream",
  "subjects",
  "consumer",
  "layout",
  "retention",
  "storage",
  "replicas",
  "maxBytes",
  "maxAge",
  "duplicateWindow",
  "ackWait",
  "signal",
  ...JETSTREAM_TARGET_KEYS,
];

/** What is wanted, and where. */
export interface StreamPlan {
  readonly js: JetStreamClient;
  readonly signal: AbortSignal | undefined;
  readonly name: string;
  readonly consumer: string;
  readonly streamConfig: Partial<StreamConfig> & { name: string };
  readonly consumerConfig: Partial<ConsumerConfig>;
  /** Whether only one receiver may work at a time. */
  readonly isExclusive: boolean;
}

/**
 * Checks the options and works out the configurations.
 *
 * @throws {TypeError | RangeError} Names the field, what was found and what is wanted.
 */
export function planStream(
  target: NatsConnection | JetStreamClient,
  options: EnsureChunkedStreamOptions,
): StreamPlan {
  requireKnownKeys("options", options, KEYS);
  const {
    stream: name,
    subjects,
    consumer = "receiver",
    layout = "one",
    retention = "limits",
    storage = "file",
    replicas = 1,
    maxBytes,
    maxAge = 24 * 60 * 60_000,
    duplicateWindow = Math.min(60 * 60_000, maxAge),
    ackWait = 30_000,
    signal,
    ...where
  } = options;
  requireJetStreamName("stream", name);
  requireJetStreamName("consumer", consumer);
  requireOneOf("layout", layout, ["one", "per-chunk"]);
  requireOneOf("retention", retention, ["limits", "workqueue", "interest"]);
  requireOneOf("storage", storage, ["file", "memory"]);
  for (const [key, value] of Object.entries({ replicas, maxAge, duplicateWindow, ackWait })) {
    requirePositive(key, value);
  }
  if (maxBytes !== undefined) requirePositive("maxBytes", maxBytes);
  if (duplicateWindow > maxAge) {
    throw new RangeError(
      `duplicateWindow is ${duplicateWindow}, wanted is at most maxAge, ${maxAge}`,
    );
  }
  if (signal !== undefined) requireSignal("signal", signal);
  if (layout === "per-chunk" && retention !== "limits") {
    throw new RangeError(
      `retention is "${retention}", with layout "per-chunk" wanted is "limits": the consumer acknowledges ` +
        "first chunks only, so the others would never leave, or never be stored",
    );
  }
  const wanted = typeof subjects === "string" ? [subjects] : subjects;
  if (!Array.isArray(wanted) || wanted.length === 0) {
    throw new TypeError(`subjects is ${describe(subjects)}, wanted is one subject or several`);
  }
  wanted.forEach((subject, at) => requireString(`subjects[${at}]`, subject));
  const places = wanted.map((subject) => placeOf(subject, layout === "per-chunk"));
  const filters = places.map(({ tickets }) => tickets).filter((filter) => filter !== undefined);
  return {
    js: toJetStreamClient(target, where),
    signal,
    name,
    consumer,
    isExclusive: retention !== "limits",
    streamConfig: {
      name,
      subjects: places.map(({ captured }) => captured),
      retention: RETENTIONS[retention],
      storage: storage === "file" ? StorageType.File : StorageType.Memory,
      num_replicas: replicas,
      discard: DiscardPolicy.New,
      max_age: nanos(maxAge),
      duplicate_window: nanos(duplicateWindow),
      allow_direct: true,
      ...(maxBytes !== undefined && { max_bytes: maxBytes }),
    },
    consumerConfig: {
      durable_name: consumer,
      ack_policy: AckPolicy.Explicit,
      deliver_policy: DeliverPolicy.All,
      ack_wait: nanos(ackWait),
      max_deliver: -1,
      max_ack_pending: -1,
      ...(filters.length === 1 && { filter_subject: filters[0]! }),
      ...(filters.length > 1 && { filter_subjects: filters }),
    },
  };
}

const RETENTIONS = {
  limits: RetentionPolicy.Limits,
  workqueue: RetentionPolicy.Workqueue,
  interest: RetentionPolicy.Interest,
} as const;

/** What the stream captures for a subject that is published to, and where the first chunks are. */
function placeOf(subject: string, isPerChunk: boolean): { captured: string; tickets?: string } {
  if (!isPerChunk) return { captured: subject };
  const prefix = subject.replace(/\.(>|\*\.\*)$/, "");
  const captured = prefix === subject ? `${prefix}.*.*` : subject;
  return { captured, tickets: `${prefix}.*.0` };
}

function nanos(ms: number): number {
  return ms * 1_000_000;
}

function requireOneOf(field: string, value: unknown, known: readonly string[]): void {
  if (known.includes(value as string)) return;
  const words = known.map((each) => JSON.stringify(each)).join(", ");
  throw new RangeError(
    `${field} is ${JSON.stringify(value) ?? describe(value)}, wanted is one of ${words}`,
  );
}
