/**
 * Where uploads go: a subject of core NATS, or a stream of one of the kinds that natskit works with.
 *
 * @module
 */
import { type ConsumerInfo, jetstreamManager } from "@nats-io/jetstream";
import { nanos, type NatsConnection } from "@nats-io/nats-core";
import { hold } from "./scenario.ts";
import { waitFor } from "./wait_for.ts";

/** A kind of place. */
export type PlaceKind = "core" | "limits" | "workqueue" | "interest" | "per-chunk";

/** A place; as JSON knows it, so that other processes can be told. */
export interface Place {
  /** What kind it is. */
  readonly kind: PlaceKind;
  /** The subject of uploads, or what their subjects begin with. */
  readonly subject: string;
  /** The stream; absent over core NATS. */
  readonly stream?: string;
  /** The consumer that receivers share; absent over core NATS. */
  readonly consumer?: string;
}

/** A message that was not acknowledged comes again after so long, in milliseconds: a dead receiver is noticed soon. */
const ACK_WAIT = 3_000;
const DAY = 24 * 60 * 60_000;

/**
 * Makes the stream and the consumer, where the place has them.
 *
 * @param nc A connection to the server.
 * @param kind What kind it is to be.
 */
export async function createPlace(nc: NatsConnection, kind: PlaceKind): Promise<Place> {
  const subject = "soak";
  if (kind === "core") return { kind, subject };
  const perChunk = kind === "per-chunk";
  const jsm = await jetstreamManager(nc);
  const stream = "SOAK";
  await jsm.streams.add({
    name: stream,
    subjects: [perChunk ? `${subject}.>` : subject],
    retention: perChunk ? "limits" : kind,
    storage: "file",
    discard: "new",
    max_age: nanos(DAY),
    duplicate_window: nanos(600_000),
    allow_direct: true,
  });
  const consumer = "receivers";
  await jsm.consumers.add(stream, {
    durable_name: consumer,
    ack_policy: "explicit",
    ack_wait: nanos(ACK_WAIT),
    max_ack_pending: -1,
    ...(perChunk && { filter_subject: `${subject}.*.0` }),
  });
  return { kind, subject, stream, consumer };
}

/** What the server still owes the receivers of a place, in words. */
export async function describeOpen(nc: NatsConnection, place: Place): Promise<string> {
  const { stream, consumer } = place;
  if (stream === undefined || consumer === undefined) return "core NATS";
  const { num_pending, num_ack_pending } = await consumerInfo(nc, stream, consumer);
  return `${num_pending} to come, ${num_ack_pending} unacknowledged`;
}

async function consumerInfo(
  nc: NatsConnection,
  stream: string,
  consumer: string,
): Promise<ConsumerInfo> {
  return await (await jetstreamManager(nc)).consumers.info(stream, consumer);
}

/**
 * Waits until the server owes receivers nothing any more: nothing can come again.
 *
 * @param nc A connection to the server.
 * @param place Where it is looked; over core NATS there is nothing to wait for.
 * @throws {Error} If something stays open, or stays in a stream that keeps nothing that is acknowledged.
 */
export async function settled(nc: NatsConnection, place: Place, timeout = 30_000): Promise<void> {
  const { kind, stream, consumer } = place;
  if (stream === undefined || consumer === undefined) return;
  const isSettled = async (): Promise<boolean> => {
    const { num_pending, num_ack_pending } = await consumerInfo(nc, stream, consumer);
    return num_pending === 0 && num_ack_pending === 0;
  };
  await waitFor("everything acknowledged", isSettled, timeout).catch(async (error) => {
    throw new Error(`${error.message}: ${await describeOpen(nc, place)}`);
  });
  const messages = await storedMessages(nc, place);
  const keeps = kind === "limits" || kind === "per-chunk";
  hold(keeps || messages === 0, `${messages} messages are left in the ${kind} stream, wanted none`);
}

/** How many messages a place's stream holds. */
export async function storedMessages(nc: NatsConnection, { stream }: Place): Promise<number> {
  const jsm = await jetstreamManager(nc);
  return (await jsm.streams.info(stream!)).state.messages;
}
