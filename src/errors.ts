/**
 * Every error class of natskit. Each has a `name` of its own, the data that the message speaks of as fields, and the
 * `cause` where another error led to it. Bad arguments are plain `TypeError` or `RangeError` instead.
 *
 * @module
 */
export * from "./errors/buckets.ts";
export * from "./errors/chunked.ts";
export * from "./errors/connection.ts";
export * from "./errors/files.ts";
export * from "./errors/handlers.ts";
export * from "./errors/progress.ts";
export * from "./errors/receive.ts";
export * from "./errors/streams.ts";
export * from "./errors/testing.ts";
