/**
 * What the ways over core NATS have in common.
 *
 * @module
 */
import type { NatsConnection } from "@nats-io/nats-core";

/** What a receiver was left with. */
export interface Received {
  /** The payload, or as much of it as came. */
  readonly data: Uint8Array;
  /** How many chunks came. */
  readonly chunks: number;
}

/** One upload. */
export interface CoreTransfer {
  /** The subject of all chunks. */
  readonly subject: string;
  /** Bytes of the payload. */
  readonly size: number;
  /** The size of every chunk but the last. */
  readonly chunkSize: number;
}

/** A way to get a payload from one process to another over core NATS. */
export interface CoreContender {
  /** Sends it; resolves when it knows that everything is there, as far as it can know. */
  send(nc: NatsConnection, transfer: CoreTransfer, payload: Uint8Array): Promise<void>;
  /** Subscribes at once; resolves with what came, once the sender could have been told. */
  receive(nc: NatsConnection, transfer: CoreTransfer): Promise<Received>;
}
