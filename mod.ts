/**
 * Big payloads and reliable work over NATS: functions over the official `@nats-io` packages.
 *
 * @module
 */
export * from "./src/_public.ts";
export { connect } from "./src/connect/connect.ts";
