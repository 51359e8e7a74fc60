/**
 * What everything in one receiver of a stream works with.
 *
 * @module
 */
import type { JetStreamClient } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/nats-core";
import type { Budget } from "../../_budget.ts";
import type { Sha256 } from "../../_digest.ts";
import type { ConsumerFacts } from "../../_jetstream/describe_consumer.ts";
import type { PageReader } from "../../_jetstream/page_reader.ts";
import { retryDelay } from "../../_retry.ts";
import type { UploadHandler } from "../../_upload.ts";
import type { CheckedReceiveOptions } from "../receive_options.ts";
import type { RejectedEvent } from "../rejected_event.ts";

/** One receiver's surroundings. */
export interface StreamWorld {
  readonly nc: NatsConnection;
  readonly js: JetStreamClient;
  readonly facts: ConsumerFacts;
  readonly reader: PageReader;
  /** The inbound budget of the connection. */
  readonly buffer: Budget;
  readonly handler: UploadHandler;
  readonly options: CheckedReceiveOptions;
  readonly startHash: () => Sha256;
  /**
   * Whether chunks stay unacknowledged until the handler has resolved, because an acknowledgement deletes: in work-queue
   * and interest streams.
   */
  readonly holdsBodies: boolean;
  /** Whether the consumer delivers nothing but tickets: first chunks of uploads with one subject per chunk. */
  readonly ticketsOnly: boolean;
  /** Tells the application what was refused. Never throws. */
  readonly tell: (event: RejectedEvent) => void;
  /** Ends the receiver. */
  readonly fail: (error: unknown) => void;
}

/** Nothing is handed back for longer than this, in milliseconds. */
const LONGEST_NAK = 10 * 60_000;

/** How long a message that was delivered so often stays away, in milliseconds: doubling from `min`, with jitter. */
export function nakDelay(deliveryCount: number, min = 1_000): number {
  return Math.round(retryDelay(Math.min(deliveryCount, 40), { min, max: LONGEST_NAK }));
}

/** The subject of all chunks of an upload, told by that of its first one (PROTOCOL 5). */
export function bodySubject(ticketSubject: string, isPerChunk: boolean): string {
  return isPerChunk ? `${ticketSubject.slice(0, -1)}*` : ticketSubject;
}
