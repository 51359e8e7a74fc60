/**
 * Receiving uploads from a stream.
 *
 * @module
 */

/** There is no such consumer, or its stream is not there; either may have been deleted while it was in use. */
export class NoConsumerError extends Error {
  /** The class name. */
  override readonly name = "NoConsumerError";
  /** The name of the stream. */
  readonly stream: string;
  /** The name of the consumer. */
  readonly consumer: string;

  /** Names both, and what to do about it. */
  constructor(stream: string, consumer: string, options?: ErrorOptions) {
    super(
      `stream ${JSON.stringify(stream)} has no consumer ${JSON.stringify(consumer)}, or is not ` +
        "there: wanted is one that exists as long as it is received from, such as " +
        "ensureChunkedStream() makes",
      options,
    );
    this.stream = stream;
    this.consumer = consumer;
  }
}

/** A consumer cannot be received from as it is configured. Nothing was taken from it. */
export class ConsumerUnfitError extends Error {
  /** The class name. */
  override readonly name = "ConsumerUnfitError";
  /** The name of the stream. */
  readonly stream: string;
  /** The name of the consumer. */
  readonly consumer: string;
  /** The field of the configuration that stands in the way, such as `ack_policy`. */
  readonly field: string;
  /** What that field has. */
  readonly found: string | number | boolean;
  /** What it would have to be. */
  readonly wanted: string | number | boolean;

  /** Names consumer, field and both values, and says why they do not go together. */
  constructor(
    stream: string,
    consumer: string,
    field: string,
    found: string | number | boolean,
    wanted: string | number | boolean,
    reason: string,
    options?: ErrorOptions,
  ) {
    super(
      `uploads cannot be received from consumer ${JSON.stringify(consumer)} of stream ` +
        `${JSON.stringify(stream)}: ${field} is ${found}, wanted is ${wanted}: ${reason}`,
      options,
    );
    this.stream = stream;
    this.consumer = consumer;
    this.field = field;
    this.found = found;
    this.wanted = wanted;
  }
}

/**
 * Uploads that are being received have, together, more chunks than the consumer lets stay unacknowledged; where an
 * acknowledgement deletes (work-queue and interest streams), they would wait for each other for ever.
 */
export class AckPendingLimitError extends Error {
  /** The class name. */
  override readonly name = "AckPendingLimitError";
  /** The name of the stream. */
  readonly stream: string;
  /** The name of the consumer. */
  readonly consumer: string;
  /** How many messages the consumer lets stay unacknowledged (`max_ack_pending`). */
  readonly limit: number;
  /** How many chunks the uploads have together. */
  readonly chunks: number;

  /** Names the consumer and both numbers. */
  constructor(
    stream: string,
    consumer: string,
    limit: number,
    chunks: number,
    options?: ErrorOptions,
  ) {
    super(
      `consumer ${JSON.stringify(consumer)} of stream ${JSON.stringify(stream)} lets ${limit} ` +
        `messages stay unacknowledged (max_ack_pending), and the uploads have ${chunks} chunks ` +
        "together: wanted is -1, no limit",
      options,
    );
    this.stream = stream;
    this.consumer = consumer;
    this.limit = limit;
    this.chunks = chunks;
  }
}
