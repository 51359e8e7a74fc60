/** What {@linkcode connect} can be told. Every field may be left out; a key that is not listed here is refused. */
export interface ConnectOptions {
  /**
   * The servers of one NATS cluster, as `nats://host:4222`, `tls://host:4222` (encryption is required), `ws://host:80`,
   * `wss://host:443` or plain `host:4222`. User info (`nats://user:password@host` or `nats://token@host`,
   * percent-encoded) is taken out and used to log in. WebSocket and other servers cannot be mixed. In a browser there is
   * no default.
   *
   * @default {"nats://127.0.0.1:4222"}
   */
  servers?: string | readonly string[];
  /** The name under which the server's monitoring lists this connection. */
  name?: string;
  /** The user to log in as; needs `password`. Comes before user info in a server URL. */
  user?: string;
  /** The password of `user`. */
  password?: string;
  /**
   * The token to log in with, or a function that returns it or a promise of it, called before every attempt to connect
   * or reconnect. Comes before `user` and `password`.
   */
  token?: string | (() => string | Promise<string>);
  /**
   * The longest time in milliseconds that `connect` takes in all, whatever the servers do: it has connected, or failed
   * and cleaned up, by then. While reconnecting it bounds each attempt.
   *
   * @default {5000}
   */
  connectTimeout?: number;
  /**
   * Whether to connect again when an established connection is lost.
   *
   * @default {true}
   */
  reconnect?: boolean;
  /**
   * How many attempts to reconnect each server gets before it is given up; -1 is for ever.
   *
   * @default {-1}
   */
  maxReconnectAttempts?: number;
  /**
   * The pause in milliseconds between two attempts at the same server.
   *
   * @default {2000}
   */
  reconnectWait?: number;
  /**
   * Up to this many milliseconds, chosen at random, are added to each `reconnectWait`, so that clients do not come back
   * all at once.
   *
   * @default {100}
   */
  reconnectJitter?: number;
  /**
   * The time in milliseconds between two pings that check whether the server is still there.
   *
   * @default {20000}
   */
  pingInterval?: number;
  /**
   * How many pings may go unanswered before the connection counts as lost.
   *
   * @default {2}
   */
  maxPingOut?: number;
  /**
   * Keep trying servers that refuse until `connectTimeout` has passed, instead of failing when each was tried once.
   *
   * @default {false}
   */
  waitOnFirstConnect?: boolean;
  /**
   * The subject prefix of the inboxes that replies come back to.
   *
   * @default {"_INBOX"}
   */
  inboxPrefix?: string;
  /**
   * Whether the server keeps this connection's own messages from its own subscriptions.
   *
   * @default {false}
   */
  noEcho?: boolean;
  /** Abandons connecting when aborted: `connect` rejects with `signal.reason`. Has no effect on a made connection. */
  signal?: AbortSignal;
}
