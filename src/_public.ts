/** What the main entry offers on every runtime; only `connect` differs. */
export type { ConnectOptions } from "./connect/connect_options.ts";
export * from "./errors.ts";
