/** Receivers of streams for tests. */
import {
  AckPolicy,
  type ConsumerConfig,
  jetstream,
  jetstreamManager,
  RetentionPolicy,
  type StreamConfig,
} from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/nats-core";
import type { UploadContext, UploadHandler } from "../../src/_upload.ts";
import { receiveFromStream } from "../../src/chunked/_receive_stream/receive_stream.ts";
import type { ChunkedReceiver } from "../../src/chunked/chunked_receiver.ts";
import {
  checkReceiveOptions,
  type ReceiveChunkedOptions,
} from "../../src/chunked/receive_options.ts";
import type { RejectedEvent } from "../../src/chunked/rejected_event.ts";
import { headersOf, type RawChunk } from "./_support.ts";

export type Retention = "limits" | "workqueue" | "interest";

/** A stream and its one consumer. */
export interface Place {
  readonly stream: string;
  readonly consumer: string;
  /** The subject to publish to. */
  readonly subject: string;
}

let places = 0;

/** Makes a stream and an explicit-ack consumer of a short ack wait. */
export async function makePlace(
  nc: NatsConnection,
  retention: Retention = "limits",
  { stream = {}, consumer = {} }: {
    stream?: Partial<StreamConfig>;
    consumer?: Partial<ConsumerConfig>;
  } = {},
): Promise<Place> {
  const manager = await jetstreamManager(nc);
  const name = `S${++places}`;
  const kinds = {
    limits: RetentionPolicy.Limits,
    workqueue: RetentionPolicy.Workqueue,
    interest: RetentionPolicy.Interest,
  };
  await manager.streams.add({
    name,
    subjects: [`${name}.>`],
    retention: kinds[retention],
    allow_direct: true,
    ...stream,
  });
  await manager.consumers.add(name, {
    durable_name: "receiver",
    ack_policy: AckPolicy.Explicit,
    ack_wait: 1_500 * 1e6,
    max_ack_pending: -1,
    ...consumer,
  });
  return { stream: name, consumer: "receiver", subject: `${name}.up` };
}

/** An upload that a handler got whole. */
export interface Received {
  readonly context: UploadContext;
  readonly data: Uint8Array;
}

/** A receiver that runs, with all that it got. */
export interface RunningStreamReceiver extends ChunkedReceiver {
  readonly received: Received[];
  readonly rejected: RejectedEvent[];
  /** Every time that a handler began. */
  readonly begun: UploadContext[];
}

/** Starts a receiver; by default its handler reads everything. */
export async function receive(
  nc: NatsConnection,
  { stream, consumer }: Place,
  options: ReceiveChunkedOptions = {},
  handler: UploadHandler = () => {},
): Promise<RunningStreamReceiver> {
  const received: Received[] = [];
  const begun: UploadContext[] = [];
  const rejected: RejectedEvent[] = [];
  const onRejected = (event: RejectedEvent): void => void rejected.push(event);
  const receiver = await receiveFromStream(
    { nc, stream, consumer },
    async (body, context) => {
      begun.push(context);
      await handler(body, context);
      if (body.locked) return;
      received.push({ context, data: await readAll(body) });
    },
    checkReceiveOptions("consumer", { onRejected, ...options }),
  );
  return { ...receiver, received, rejected, begun };
}

/** Reads a stream into one array. */
export async function readAll(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of stream as unknown as AsyncIterable<Uint8Array>) {
    parts.push(part.slice());
    length += part.length;
  }
  const data = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    data.set(part, at);
    at += part.length;
  }
  return data;
}

/** Publishes chunks as they are, each confirmed. */
export async function store(
  nc: NatsConnection,
  subject: string | ((index: number) => string),
  chunks: readonly RawChunk[],
  indices: readonly number[] = chunks.map((_, index) => index),
): Promise<void> {
  const js = jetstream(nc);
  for (const index of indices) {
    const { headers, data } = chunks[index]!;
    const to = typeof subject === "string" ? subject : subject(index);
    await js.publish(to, data, { headers: headersOf(headers) });
  }
}

/** What is left of a consumer's work: not delivered, or not acknowledged. */
export async function leftOf(nc: NatsConnection, { stream, consumer }: Place): Promise<number> {
  const manager = await jetstreamManager(nc);
  const info = await manager.consumers.info(stream, consumer);
  return info.num_pending + info.num_ack_pending;
}

/** How many messages the stream holds. */
export async function messagesIn(nc: NatsConnection, { stream }: Place): Promise<number> {
  const manager = await jetstreamManager(nc);
  return (await manager.streams.info(stream)).state.messages;
}
