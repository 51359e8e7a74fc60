/**
 * The configurations that `ensureChunkedStream` asks for.
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
import { JETSTREAM_TARGET_KEYS, toJetStreamClient } from "../../_jetstream/client.ts";
import {
  describe,
  requireKnownKeys,
  requirePositive,
  requireSignal,
  requireString,
} from "../../_require.ts";
import type { EnsureChunkedStreamOptions } from "../ensure_chunked_stream.ts";

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
  requireName("stream", name);
  requireName("consumer", consumer);
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

function requireName(field: string, value: unknown): void {
  requireString(field, value);
  if (value === "" || /[\s\p{Cc}.*>/\\]/u.test(value)) {
    throw new RangeError(
      `${field} is ${JSON.stringify(value.slice(0, 200))}, wanted is a name of JetStream`,
    );
  }
}

function requireOneOf(field: string, value: unknown, known: readonly string[]): void {
  if (known.includes(value as string)) return;
  const words = known.map((each) => JSON.stringify(each)).join(", ");
  throw new RangeError(
    `${field} is ${JSON.stringify(value) ?? describe(value)}, wanted is one of ${words}`,
  );
}
