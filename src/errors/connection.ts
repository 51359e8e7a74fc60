/**
 * The connection.
 *
 * @module
 */

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
  /** The class name. */
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
  /** The class name. */
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
  /** The class name. */
  override readonly name = "TransportMissingError";
  /** The runtime that was detected: `deno`, `node`, `bun` or `browser`. */
  readonly runtime: string;

  /** Names the runtime and says what to install or import instead. */
  constructor(runtime: string, advice: string, options?: ErrorOptions) {
    super(`there is no transport for ${runtime}: ${advice}`, options);
    this.runtime = runtime;
  }
}

/** Two copies of nats-core are installed, and a connection or transport of the other one was handed to natskit. */
export class CoreMismatchError extends Error {
  /** The class name. */
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

/** The connection is closed for good, so nothing can be sent over it. */
export class ConnectionClosedError extends Error {
  /** The class name. */
  override readonly name = "ConnectionClosedError";

  /** Needs no more words. */
  constructor(message = "the connection is closed", options?: ErrorOptions) {
    super(message, options);
  }
}
