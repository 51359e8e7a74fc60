/**
 * A payload that has arrived whole.
 *
 * @module
 */
import type { MsgHdrs } from "@nats-io/nats-core";

/** One upload, put together. */
export interface ChunkedPayload {
  /** The upload's id, in lower-case hyphenated form. */
  readonly uploadId: string;
  /** The bytes. */
  readonly data: Uint8Array;
  /** How many there are. */
  readonly size: number;
  /** The name that the sender gave, unaltered: never use it as a path without cutting it down to its last part. */
  readonly filename: string | undefined;
  /** The media type that the sender gave. */
  readonly contentType: string | undefined;
  /**
   * The SHA-256 of the bytes, as `SHA-256=<base64url>`. Where the sender announced one, it was compared with that;
   * otherwise it is worked out when it is asked for.
   */
  readonly digest: string;
  /** The sender's own headers, as the first chunk that was seen carried them. */
  readonly headers: MsgHdrs;
  /**
   * The payload has been dealt with. Over JetStream its messages are acknowledged, and the promise resolves when the
   * server has confirmed it; over core NATS the sender is told `complete`. Later calls do nothing.
   */
  ack(): Promise<void>;
  /**
   * The payload has not been dealt with. Over JetStream its messages come again after `delay` milliseconds (by default
   * a second, and longer with each delivery); over core NATS the sender is told `rejected`. Later calls do nothing.
   *
   * @throws {TypeError | RangeError} `delay` is no time to wait; the payload is not settled then.
   */
  nak(delay?: number): void;
}
