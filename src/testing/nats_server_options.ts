import type { NatsServerAuth } from "./nats_server.ts";

/** What `startNatsServer` starts. */
export interface NatsServerOptions {
  /**
   * The exact version, such as `"2.10.25"`, for tests against an old server.
   *
   * @default whatever is at hand, if it is 2.15.1 or newer
   */
  version?: string;
  /**
   * Whether JetStream is on.
   *
   * @default true
   */
  jetstream?: boolean;
  /**
   * The largest payload that the server takes, in bytes (`max_payload`).
   *
   * @default the server's own, 1 MiB
   */
  maxPayload?: number;
  /**
   * Whether a WebSocket port is opened too, without TLS.
   *
   * @default false
   */
  websocket?: boolean;
  /**
   * How clients must sign in.
   *
   * @default not at all
   */
  auth?: NatsServerAuth;
  /** Text in the server's configuration language, appended to the configuration as it is. */
  config?: string;
  /**
   * The folder of the JetStream store, which `stop()` leaves alone.
   *
   * @default a temporary folder that `stop()` removes
   */
  storeDir?: string;
  /**
   * The longest time that a server may take to become ready, in milliseconds. Getting hold of a binary has bounds of
   * its own.
   *
   * @default 30_000
   */
  timeout?: number;
  /** Gives up the start; without effect once the server is up. */
  signal?: AbortSignal;
  /**
   * Takes the lines about which binary is used and what is done to get it.
   *
   * @default standard error, where each line is written once per process
   */
  log?: (line: string) => void;
}

/** What `startNatsServer` starts when it starts a cluster. */
export interface NatsClusterOptions extends NatsServerOptions {
  /** The number of servers, 2 to 9. */
  cluster: number;
}
