/**
 * Real servers for tests and for local development.
 *
 * @module
 */

export * from "./nats_server.ts";
export * from "./start_nats_server.ts";
