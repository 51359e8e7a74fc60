/**
 * Streams that do not keep what is published to them.
 *
 * @module
 */

/** No stream captures the subject, so that nothing published to it would be stored. */
export class NoStreamError extends Error {
  /** The class name. */
  override readonly name = "NoStreamError";
  /** The subject. */
  readonly subject: string;

  /** Names the subject, and what to do about it. */
  constructor(subject: string, options?: ErrorOptions) {
    super(
      `no stream captures the subject ${
        JSON.stringify(subject)
      }: create one with this subject, or publish over a ` +
        "connection instead of a JetStream client",
      options,
    );
    this.subject = subject;
  }
}

/** A stream would not keep an upload whole, as it is configured or as full as it is. Nothing was sent. */
export class StreamUnfitError extends Error {
  /** The class name. */
  override readonly name = "StreamUnfitError";
  /** The stream's name. */
  readonly stream: string;
  /** The field of the stream's configuration that stands in the way, such as `max_bytes`. */
  readonly limit: string;
  /** What that field has. */
  readonly found: string | number | boolean;
  /** What the upload needs it to be at least; for a field without measure, what it should be. */
  readonly wanted: string | number | boolean;

  /** Names stream, field and both values, and says why they do not go together. */
  constructor(
    stream: string,
    limit: string,
    found: string | number | boolean,
    wanted: string | number | boolean,
    reason: string,
    options?: ErrorOptions,
  ) {
    const least = typeof wanted === "number" ? "at least " : "";
    super(
      `stream ${
        JSON.stringify(stream)
      } would not keep the upload: ${limit} is ${found}, wanted is ` +
        `${least}${wanted}: ${reason}`,
      options,
    );
    this.stream = stream;
    this.limit = limit;
    this.found = found;
    this.wanted = wanted;
  }
}

/** A stream acknowledged a message and has dropped it since: one of its limits, a purge, or the stream itself is gone. */
export class MessageDroppedError extends Error {
  /** The class name. */
  override readonly name = "MessageDroppedError";
  /** The stream's name. */
  readonly stream: string;
  /** The sequence that the message was acknowledged with. */
  readonly sequence: number;

  /** Names the message, the stream and what became of it. */
  constructor(
    what: string,
    stream: string,
    sequence: number,
    reason: string,
    options?: ErrorOptions,
  ) {
    super(
      `stream ${
        JSON.stringify(stream)
      } acknowledged ${what} as message ${sequence} and dropped it: ${reason}`,
      options,
    );
    this.stream = stream;
    this.sequence = sequence;
  }
}

/** In the middle of an upload the subject went over to another stream, so that neither has all of it. */
export class StreamChangedError extends Error {
  /** The class name. */
  override readonly name = "StreamChangedError";
  /** The subject. */
  readonly subject: string;
  /** The stream that the upload began in. */
  readonly expected: string;
  /** The stream that acknowledged a later chunk. */
  readonly actual: string;

  /** Names the subject and both streams. */
  constructor(subject: string, expected: string, actual: string, options?: ErrorOptions) {
    super(
      `the upload to ${JSON.stringify(subject)} began in stream ${
        JSON.stringify(expected)
      }, and a chunk of it was ` +
        `acknowledged by stream ${JSON.stringify(actual)}`,
      options,
    );
    this.subject = subject;
    this.expected = expected;
    this.actual = actual;
  }
}
