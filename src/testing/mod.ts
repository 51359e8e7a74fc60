/**
 * Real servers for tests and for local development.
 *
 * @module
 */

export { NatsServerNotFoundError, NatsServerStartError } from "../errors.ts";
export * from "./nats_server.ts";
export * from "./nats_server_options.ts";
export * from "./start_nats_server.ts";
