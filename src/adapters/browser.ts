/**
 * {@linkcode connect} for browsers, over the official WebSocket transport.
 *
 * @module
 */
import type { NatsConnection } from "@nats-io/nats-core";
import type { ConnectOptions } from "../connect/connect_options.ts";
import { openConnection } from "../connect/_open.ts";

export type { ConnectOptions } from "../connect/connect_options.ts";
export {
  ConnectError,
  type ConnectFailure,
  CoreMismatchError,
  TransportConflictError,
} from "../errors.ts";

/**
 * Connects to a NATS server over a WebSocket, in a browser or wherever there is one. `servers` must be named.
 *
 * @param options Servers (`ws://` or `wss://`), login, time limits and reconnecting.
 * @returns The connection, logged in and ready.
 * @throws {ConnectError} When no server could be reached in time, or the login was refused.
 * @throws {TypeError} When `servers` is missing or names no WebSocket.
 *
 * @example Connect in a browser
 * ```ts
 * import { connect } from "natskit/browser";
 * import { startNatsServer } from "natskit/testing";
 *
 * // A page names the wss:// URL of its server instead.
 * await using server = await startNatsServer({ websocket: true });
 * await using nc = await connect({ servers: server.wsUrl! });
 * nc.publish("greetings", "hello");
 * ```
 */
export function connect(options: ConnectOptions = {}): Promise<NatsConnection> {
  return openConnection(options, undefined);
}
