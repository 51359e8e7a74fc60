/** What the main entry offers on every runtime; only `connect` differs. */
export * from "./chunked/mod.ts";
export type { ConnectOptions } from "./connect/connect_options.ts";
export * from "./errors.ts";
export * from "./kv/mod.ts";
export * from "./objects/mod.ts";
