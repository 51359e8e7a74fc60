/**
 * Waiting, and answers that were lost, wherever they happen.
 *
 * @module
 */

/** Nothing moved for as long as the caller was willing to wait. */
export class NoProgressError extends Error {
  /** The class name. */
  override readonly name = "NoProgressError";
  /** How long nothing moved, in milliseconds. */
  readonly timeout: number;

  /** Says what was being done, and for how long nothing moved. */
  constructor(action: string, timeout: number, options?: ErrorOptions) {
    super(`${action}: no progress for ${timeout} ms`, options);
    this.timeout = timeout;
  }
}

/** The answer to a write was lost, and reading back did not tell: it may have happened, or may yet. */
export class OutcomeUnknownError extends Error {
  /** The class name. */
  override readonly name = "OutcomeUnknownError";

  /** Says which write. */
  constructor(action: string, options?: ErrorOptions) {
    super(`${action}: the answer was lost, and whether it happened cannot be told`, options);
  }
}

/** A message was changed on its way, or what was read is not what was written: the SHA-256 digests differ. */
export class DigestMismatchError extends Error {
  /** The class name. */
  override readonly name = "DigestMismatchError";
  /** What was being checked, such as `object "report.pdf"`. */
  readonly subject: string;
  /** The digest that was announced, as `SHA-256=<base64url>`. */
  readonly expected: string;
  /** The digest of the bytes at hand, in the same form. */
  readonly actual: string;

  /** Names what was checked and both digests. */
  constructor(subject: string, expected: string, actual: string, options?: ErrorOptions) {
    super(`${subject}: the digest is ${actual}, announced was ${expected}`, options);
    this.subject = subject;
    this.expected = expected;
    this.actual = actual;
  }
}

/** Bytes that were received do not decode with the codec that they were read with. */
export class DecodeError extends Error {
  /** The class name. */
  override readonly name = "DecodeError";
  /** What was being decoded, such as `key "a" of key-value bucket "b"`. */
  readonly subject: string;

  /** Names what did not decode, and the codec. */
  constructor(subject: string, codec: string, options?: ErrorOptions) {
    super(`${subject} does not decode as ${codec}`, options);
    this.subject = subject;
  }
}

/** A value does not fit into one message. */
export class ValueTooLargeError extends Error {
  /** The class name. */
  override readonly name = "ValueTooLargeError";
  /** What was to be stored, such as `key "a" of key-value bucket "b"`. */
  readonly subject: string;
  /** The size of the encoded value in bytes. */
  readonly size: number;
  /** The largest size that fits, in bytes. */
  readonly limit: number;

  /** Names the value, both sizes and what to use instead. */
  constructor(subject: string, size: number, limit: number, options?: ErrorOptions) {
    super(
      `${subject}: the value has ${size} bytes, and ${limit} fit; bigger ones belong into an object store ` +
        "(storeBytes)",
      options,
    );
    this.subject = subject;
    this.size = size;
    this.limit = limit;
  }
}
