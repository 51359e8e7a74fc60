/** How clients must sign in: the same one user, or the same one token, for all of them. */
export type NatsServerAuth =
  | { /** The user name. */ user: string; /** The password, in clear. */ password: string }
  | { /** The token, in clear. */ token: string };

/** A running `nats-server` process on the loopback address, started by {@linkcode startNatsServer}. */
export interface NatsServer extends AsyncDisposable {
  /** Where clients connect, as `nats://127.0.0.1:<port>`; the same after a restart. */
  readonly url: string;
  /** Where WebSocket clients connect, as `ws://127.0.0.1:<port>`; `undefined` unless asked for. */
  readonly wsUrl: string | undefined;
  /** The client port. */
  readonly port: number;
  /** The server's name, which is also in the server info of every connection to it. */
  readonly name: string;
  /** The version of the server, such as `2.15.1`. */
  readonly version: string;
  /** The process id, or `undefined` while no process runs, after {@linkcode NatsServer.kill} for one. */
  readonly pid: number | undefined;
  /** Shuts the server down in an orderly way and removes its temporary folder. May be called more than once. */
  stop(): Promise<void>;
  /** Ends the process at once, as a crash or a power cut would (SIGKILL). The store stays. */
  kill(): Promise<void>;
  /**
   * Starts the server again, on the same ports and the same store, and waits until it is ready. A server that is up is
   * shut down in an orderly way first.
   *
   * @throws {NatsServerStartError} if it is not ready within the `timeout` it was started with.
   */
  restart(): Promise<void>;
  /**
   * Freezes the process (SIGSTOP): connections stay open and nothing is answered, as on a network that swallows
   * everything.
   *
   * @throws {Error} on Windows, which cannot freeze a process.
   */
  pause(): Promise<void>;
  /** Lets a paused process go on (SIGCONT). */
  resume(): Promise<void>;
  /** The newest 16 KiB, at most, of what the server logged; the password or token is blotted out. */
  logs(): string;
}

/** Servers that form one cluster, started by {@linkcode startNatsServer} with `cluster`. */
export interface NatsCluster extends AsyncDisposable {
  /** The members; each can be killed, restarted and paused on its own. */
  readonly servers: readonly NatsServer[];
  /** Where clients connect: the `url` of each member. */
  readonly urls: readonly string[];
  /** The version of the servers, such as `2.15.1`. */
  readonly version: string;
  /** Stops every member and removes the temporary folders. May be called more than once. */
  stop(): Promise<void>;
}
