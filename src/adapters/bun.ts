/**
 * {@linkcode connect} for Bun, which runs the official Node transport: the same as that of `natskit/node`.
 *
 * @example Connect on Bun
 * ```ts
 * import { connect } from "natskit/bun";
 * import { startNatsServer } from "natskit/testing";
 *
 * await using server = await startNatsServer();
 * await using nc = await connect({ servers: server.url, name: "greeter" });
 * nc.publish("greetings", "hello");
 * ```
 *
 * @module
 */
export { connect } from "./node.ts";
export type { ConnectOptions } from "../connect/connect_options.ts";
export {
  ConnectError,
  type ConnectFailure,
  CoreMismatchError,
  TransportConflictError,
} from "../errors.ts";
