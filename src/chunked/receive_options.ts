/**
 * Where `receiveChunked` takes uploads from, and what bounds it.
 *
 * @module
 */
import type { JetStreamClient } from "@nats-io/jetstream";
import type { NatsConnection, Subscription } from "@nats-io/nats-core";
import { assertOneCore } from "../_core.ts";
import { JETSTREAM_TARGET_KEYS, type JetStreamTargetOptions } from "../_jetstream/client.ts";
import { requireJetStreamName } from "../_jetstream/require_name.ts";
import {
  describe,
  requireBoolean,
  requireFunction,
  requireKnownKeys,
  requirePositive,
  requireRecord,
  requireSignal,
  requireString,
  requireTimeout,
} from "../_require.ts";
import type { RejectedEvent } from "./rejected_event.ts";

/** A subject of core NATS. */
export interface SubjectSource {
  /** The connection to subscribe with. */
  nc: NatsConnection;
  /** The subject; wildcards are allowed. */
  subject: string;
  /**
   * The queue group. Its members share out the chunks, so that only uploads of a single chunk can be received; the sender
   * of a longer one is told so. Several workers for one subject need JetStream.
   */
  queue?: string;
}

/** A consumer of a stream. */
export interface ConsumerSource {
  /** The connection; or `js` in its place. */
  nc?: NatsConnection;
  /** A JetStream client; or `nc` in its place. */
  js?: JetStreamClient;
  /** The stream's name. */
  stream: string;
  /** The consumer's name. */
  consumer: string;
}

/** Anything that `receiveChunked` takes uploads from. A subscription must be without a callback, and is ended with it. */
export type ChunkSource = SubjectSource | ConsumerSource | Subscription;

/** The bounds of a receiver. Sizes in bytes, times in milliseconds. */
export interface ReceiveChunkedOptions extends JetStreamTargetOptions {
  /**
   * The largest upload that is taken.
   * @default {1_099_511_627_776} 1 TiB
   */
  maxUploadBytes?: number;
  /**
   * The most uploads at the same time, which is the most handlers that run at the same time. Further ones wait.
   * @default {100}
   */
  maxUploads?: number;
  /**
   * An upload whose handler waits and that gets no chunk for so long is given up. Over JetStream it comes back later.
   * @default {600_000} ten minutes
   */
  idleTimeout?: number;
  /**
   * JetStream only: an upload that is still not whole so long after its first chunk was stored does not come back any
   * more.
   * @default {86_400_000} 24 hours
   */
  abandonAfter?: number;
  /**
   * The longest time that a handler may keep its upload waiting: without taking bytes that are here, or after the last
   * one without resolving. Time in which it waits for the sender does not count. There is no bound by default.
   */
  handlerTimeout?: number;
  /**
   * JetStream only: removes an upload from the stream once its handler has resolved and that is confirmed. It takes
   * uploads that were sent with `layout: "per-chunk"`.
   * @default {false}
   */
  removeWhenDone?: boolean;
  /** Told of everything that is refused or given up, and of what handlers throw. What it throws is ignored. */
  onRejected?: (event: RejectedEvent) => void;
  /** Stops the receiver at once: every upload that has begun is given up. */
  signal?: AbortSignal;
  /**
   * The connection of a bare subscription. With it, all receivers on that connection share one inbound budget of 32 MiB;
   * without it, this one has 32 MiB of its own.
   */
  connection?: NatsConnection;
}

/** The options with their defaults. */
export interface CheckedReceiveOptions extends JetStreamTargetOptions {
  readonly maxUploadBytes: number;
  readonly maxUploads: number;
  readonly idleTimeout: number;
  readonly abandonAfter: number;
  readonly handlerTimeout: number | undefined;
  readonly removeWhenDone: boolean;
  readonly onRejected: ((event: RejectedEvent) => void) | undefined;
  readonly signal: AbortSignal | undefined;
  readonly connection: NatsConnection | undefined;
}

/** A source that was told from the others. */
export type CheckedSource =
  | { readonly type: "subject"; readonly source: SubjectSource }
  | { readonly type: "consumer"; readonly source: ConsumerSource }
  | { readonly type: "subscription"; readonly source: Subscription };

const COMMON: readonly (keyof ReceiveChunkedOptions)[] = [
  "maxUploadBytes",
  "maxUploads",
  "idleTimeout",
  "handlerTimeout",
  "onRejected",
  "signal",
];

/** The options that only one kind of source can honour. */
const OWN: Record<CheckedSource["type"], readonly (keyof ReceiveChunkedOptions)[]> = {
  subject: [],
  subscription: ["connection"],
  consumer: ["abandonAfter", "removeWhenDone", ...JETSTREAM_TARGET_KEYS],
};

const WANTED =
  "wanted is { nc, subject }, { nc, stream, consumer } or a subscription of core NATS without a callback";

/**
 * Tells the kinds of sources apart.
 *
 * @throws {TypeError | RangeError} It is none, or a field of it is not what it should be.
 * @throws {CoreMismatchError} The connection belongs to another copy of nats-core.
 */
export function checkChunkSource(source: ChunkSource): CheckedSource {
  if (typeof source !== "object" || source === null) {
    throw new TypeError(`source is ${describe(source)}, ${WANTED}`);
  }
  if (Symbol.asyncIterator in source) return checkSubscription(source as Subscription);
  requireRecord("source", source);
  if ("stream" in source || "consumer" in source) {
    return { type: "consumer", source: checkConsumer(source as unknown as ConsumerSource) };
  }
  if (!("subject" in source)) throw new TypeError(`source is ${describe(source)}, ${WANTED}`);
  requireKnownKeys("source", source, ["nc", "subject", "queue"]);
  const { nc, subject, queue } = source as SubjectSource;
  requireConnection("source.nc", nc);
  requireFilter("source.subject", subject);
  if (queue !== undefined) requireFilter("source.queue", queue);
  return { type: "subject", source: { nc, subject, ...(queue !== undefined && { queue }) } };
}

/**
 * Checks the options for a kind of source and fills in the defaults.
 *
 * @throws {TypeError | RangeError} One is unknown, out of its range, or cannot be honoured with this source.
 */
export function checkReceiveOptions(
  type: CheckedSource["type"],
  options: ReceiveChunkedOptions,
): CheckedReceiveOptions {
  requireKnownKeys("options", options, [...COMMON, ...Object.values(OWN).flat()]);
  for (const [key, value] of Object.entries(options)) {
    const [owner] = Object.entries(OWN).find(([, keys]) => keys.includes(key as never)) ?? [type];
    if (value !== undefined && owner !== type) {
      throw new TypeError(`${key} goes with a ${owner} as source, this one is a ${type}`);
    }
  }
  const {
    maxUploadBytes = 2 ** 40,
    maxUploads = 100,
    idleTimeout = 10 * 60_000,
    abandonAfter = 24 * 60 * 60_000,
    handlerTimeout,
    removeWhenDone = false,
    onRejected,
    signal,
    connection,
    ...target
  } = options;
  const bounds = { maxUploadBytes, maxUploads, idleTimeout, abandonAfter };
  for (const [name, value] of Object.entries(bounds)) requirePositive(name, value);
  if (handlerTimeout !== undefined) requireTimeout("handlerTimeout", handlerTimeout);
  requireBoolean("removeWhenDone", removeWhenDone);
  if (onRejected !== undefined) requireFunction("onRejected", onRejected);
  if (signal !== undefined) requireSignal("signal", signal);
  if (connection !== undefined) requireConnection("connection", connection);
  return { ...bounds, handlerTimeout, removeWhenDone, onRejected, signal, connection, ...target };
}

function checkSubscription(source: Subscription): CheckedSource {
  if (typeof source.unsubscribe !== "function") {
    throw new TypeError(`source is ${describe(source)}, ${WANTED}`);
  }
  if ((source as { noIterator?: boolean }).noIterator) {
    throw new TypeError("source is a subscription with a callback, wanted is one without");
  }
  return { type: "subscription", source };
}

function checkConsumer(source: ConsumerSource): ConsumerSource {
  requireKnownKeys("source", source, ["nc", "js", "stream", "consumer"]);
  const { nc, js, stream, consumer } = source;
  if ((nc === undefined) === (js === undefined)) {
    throw new TypeError("source has both nc and js, or neither, wanted is one of them");
  }
  if (nc !== undefined) requireConnection("source.nc", nc);
  requireJetStreamName("source.stream", stream);
  requireJetStreamName("source.consumer", consumer);
  return { ...(nc && { nc }), ...(js && { js }), stream, consumer };
}

function requireConnection(name: string, value: unknown): asserts value is NatsConnection {
  if (typeof (value as Partial<NatsConnection> | null | undefined)?.isClosed !== "function") {
    throw new TypeError(`${name} is ${describe(value)}, wanted is a NATS connection`);
  }
  assertOneCore(value as NatsConnection);
}

/** A subject to listen on, or a queue group: anything without blanks and empty tokens. */
function requireFilter(name: string, value: unknown): void {
  requireString(name, value);
  if (value.split(".").includes("") || /[\s\p{Cc}]/u.test(value)) {
    throw new RangeError(
      `${name} is ${
        JSON.stringify(value.slice(0, 200))
      }, wanted is text without blanks and empty tokens`,
    );
  }
}
