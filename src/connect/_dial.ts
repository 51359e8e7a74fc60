/**
 * Everything that natskit knows of the insides of nats-core. The official `connect` cannot be given up: a host that
 * swallows packets keeps its socket for minutes, a server that never speaks keeps it for ever. So the official protocol
 * handler is driven here by hand, attempt by attempt, with each attempt cleaned up.
 *
 * @module
 */
import { errors, NatsConnectionImpl, ProtocolHandler } from "@nats-io/nats-core/internal";
import type {
  ConnectionOptions,
  NatsConnection,
  Server,
  Transport,
} from "@nats-io/nats-core/internal";
import type { Credentials } from "./_auth.ts";
import type { ConnectSettings } from "./_settings.ts";
import { reserveBodies, sendLentBytes } from "./_large_messages.ts";

export type { Transport };

/** An official transport package, as an adapter hands it in. */
export interface OfficialTransport {
  /** Its connect function, used to install its transport in nats-core. */
  connect(options: ConnectionOptions): Promise<NatsConnection>;
  /** The `errors` of the nats-core that the package uses, to compare with ours. */
  errors: unknown;
  /** Makes a transport that was just created drop its pending dial when `signal` aborts. */
  makeAbortable?(transport: Transport, signal: AbortSignal): void;
}

/** The members of the official protocol handler that are used here, some of which its types hide. */
interface Protocol {
  transport: Transport | undefined;
  server: Server & { resolves?: Server[] };
  servers: { length(): number };
  heartbeats: { cancel(): void };
  connectError?: (error: Error) => void;
  raceTimer?: { cancel(): void };
  dialDelay: { cancel(): void } | null;
  prepare(): Promise<void>;
  dial(server: Server): Promise<void>;
  dialLoop(): Promise<void>;
  close(error?: Error): Promise<void>;
  isClosed(): boolean;
}

/** One attempt to get a connection. */
export interface Dialling {
  /** Settles as the servers decide, or never after `stop`. */
  readonly connected: Promise<NatsConnection>;
  /** What the last attempt at a server failed with. */
  lastError(): unknown;
  /** Gives up: sockets, timers and loops end now, and a connection that is made all the same is closed. */
  stop(reason: unknown): void;
}

/** Starts to connect over an official transport. */
export async function dial(
  transport: OfficialTransport,
  settings: ConnectSettings,
): Promise<Dialling> {
  let stopped: { reason: unknown } | undefined;
  let credentials: Credentials | undefined;
  let attempt = new AbortController();
  let lastError: unknown;
  const deadline = performance.now() + settings.connectTimeout;
  let madeOnce = false;

  const options: ConnectionOptions = {
    servers: [...settings.servers.urls],
    timeout: settings.connectTimeout,
    reconnect: settings.reconnect,
    maxReconnectAttempts: settings.maxReconnectAttempts,
    pingInterval: settings.pingInterval,
    maxPingOut: settings.maxPingOut,
    waitOnFirstConnect: settings.waitOnFirstConnect,
    noEcho: settings.noEcho,
    // A function, so that no secret can be read from the connection's options.
    authenticator: () => credentials,
    reconnectDelayHandler: () => {
      if (stopped !== undefined) throw stopped.reason;
      return settings.reconnectWait + Math.floor(Math.random() * (settings.reconnectJitter + 1));
    },
  };
  if (settings.name !== undefined) options.name = settings.name;
  if (settings.inboxPrefix !== undefined) options.inboxPrefix = settings.inboxPrefix;
  if (settings.servers.tls) options.tls = {};

  await install(transport, options);
  const connection = new (NatsConnectionImpl as unknown as new (
    options: ConnectionOptions,
  ) => NatsConnectionImpl)(options);
  connection.protocol = new ProtocolHandler(connection.options, connection);
  const protocol = connection.protocol as unknown as Protocol;

  sendLentBytes(connection.protocol as unknown as Parameters<typeof sendLentBytes>[0]);

  const prepare = protocol.prepare.bind(protocol);
  protocol.prepare = () => {
    const pong = prepare();
    reserveBodies(connection.protocol as unknown as Parameters<typeof reserveBodies>[0]);
    const created = protocol.transport!;
    const { signal } = attempt;
    transport.makeAbortable?.(created, signal);
    // Upstream waits for its time-out when a server hangs up after INFO. The timer lets it read what came before.
    created.closed().then((error) =>
      setTimeout(() => {
        if (attempt.signal !== signal || signal.aborted) return;
        protocol.connectError?.(error ?? new Error(lastWords(created) ?? "hung up"));
      })
    );
    return pong;
  };

  const dialServer = protocol.dial.bind(protocol);
  protocol.dial = async (server) => {
    const current = attempt = new AbortController();
    try {
      credentials = await settings.login?.();
      if (stopped !== undefined) throw stopped.reason;
      if (protocol.isClosed()) throw new errors.ClosedConnectionError();
      connection.options.timeout = madeOnce ? settings.connectTimeout : share(server);
      // Once more, in case that someone called the official wsconnect meanwhile: it takes over the whole process.
      install(transport, options).catch(() => {});
      await dialServer(server);
    } catch (error) {
      lastError = error;
      current.abort(error);
      // The Node transport closes a socket that never got as far as INFO only when it is discarded.
      protocol.transport?.discard();
      throw error;
    }
  };

  /** An even share of the time that is left, so that a silent server does not use up the turn of the others. */
  function share(server: Server): number {
    const addresses = protocol.server.resolves ?? [server];
    const addressesLeft = addresses.length - Math.max(0, addresses.indexOf(server));
    const turns = Math.max(1, protocol.servers.length() - 1 + addressesLeft);
    return Math.max(1, Math.ceil((deadline - performance.now()) / turns));
  }

  function release(): void {
    attempt.abort(stopped?.reason);
    protocol.close(stopped?.reason as Error).catch(() => {});
    protocol.heartbeats.cancel();
    protocol.raceTimer?.cancel();
    protocol.dialDelay?.cancel();
    protocol.transport?.close().catch(() => {});
    protocol.transport?.discard();
  }

  const connected = protocol.dialLoop().then(() => {
    if (stopped !== undefined) {
      release();
      throw stopped.reason;
    }
    madeOnce = true;
    // Upstream's close() forgets an attempt to reconnect that a silent server holds up.
    connection.closed().then(release);
    return connection as NatsConnection;
  });
  return {
    connected,
    lastError: () => lastError,
    stop: (reason) => {
      stopped = { reason };
      connected.catch(() => {});
      release();
    },
  };
}

/**
 * Lets an official `connect` install its transport in nats-core, which it does before it returns, and check the options,
 * without dialling.
 */
async function install(transport: OfficialTransport, options: ConnectionOptions): Promise<void> {
  const enough = new Error("installed");
  const reconnectDelayHandler = () => {
    throw enough;
  };
  try {
    await transport.connect({ ...options, servers: [...options.servers!], reconnectDelayHandler });
  } catch (error) {
    if (error !== enough) throw error;
  }
}

/**
 * The error message among what a transport received but did not hand on: the WebSocket transport drops what it still has
 * when it closes, and with it why the server closed it.
 */
function lastWords(transport: Transport & { yields?: unknown }): string | undefined {
  const { yields } = transport;
  if (!Array.isArray(yields)) return undefined;
  const text = yields.map((frame) => new TextDecoder().decode(frame)).join("");
  return /-ERR\s+'?([^'\r\n]+)/.exec(text)?.[1];
}
