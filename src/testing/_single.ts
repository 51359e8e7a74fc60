import { randomBytes } from "node:crypto";
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { NatsServerStartError } from "../errors.ts";
import type { ServerSettings } from "./_config.ts";
import type { FoundServer } from "./_steps/_step.ts";
import { ServerInstance } from "./_instance.ts";
import { pickFreePorts } from "./_ports.ts";
import { watchFolder } from "./_watchdog.ts";
import type { NatsServerOptions } from "./nats_server_options.ts";

/** How often a start is repeated with other ports when another process was quicker to take one. */
const PORT_ATTEMPTS = 5;
const DEFAULT_TIMEOUT = 30_000;

/** The part that a server has in a cluster. */
export interface Membership {
  name: string;
  cluster: NonNullable<ServerSettings["cluster"]>;
  missing: (self: ServerInstance) => Promise<string>;
}

/** Prepares a server: its folder, its ports and its configuration. Nothing runs yet. */
export async function prepareServer(
  binary: FoundServer,
  options: NatsServerOptions,
  membership?: Membership,
): Promise<ServerInstance> {
  const [port, monitorPort, websocketPort] = await pickFreePorts(options.websocket ? 3 : 2);
  const folder = join(tmpdir(), `natskit-server-${randomBytes(6).toString("hex")}`);
  // Listed before it exists, so that there is no moment in which a crash would leave it behind.
  const watch = watchFolder(folder);
  try {
    await fs.mkdir(folder, { mode: 0o700 });
  } catch (error) {
    watch.release();
    throw error;
  }
  const name = membership?.name ?? basename(folder);
  const store = options.storeDir === undefined
    ? join(folder, "store")
    : membership
    ? join(resolve(options.storeDir), membership.name)
    : resolve(options.storeDir);
  return new ServerInstance({
    binary: binary.path,
    version: binary.version,
    folder,
    timeout: options.timeout ?? DEFAULT_TIMEOUT,
    watch,
    ...(membership ? { missingInCluster: membership.missing } : {}),
    settings: {
      name,
      port: port!,
      monitorPort: monitorPort!,
      websocketPort,
      storeDir: options.jetstream === false ? undefined : store,
      maxPayload: options.maxPayload,
      auth: options.auth,
      cluster: membership?.cluster,
      extra: options.config,
    },
  });
}

/**
 * Makes and starts servers, again with other ports as long as another process holds one of them, and again with new
 * stores when they are not ready after `patience` milliseconds, until the whole time is over.
 */
export async function startOnFreePorts<T extends ServerInstance[]>(
  prepare: () => Promise<T>,
  { signal, timeout = DEFAULT_TIMEOUT }: NatsServerOptions,
  patience: number = Infinity,
): Promise<T> {
  const deadline = Date.now() + timeout;
  for (let attempt = 1;; attempt++) {
    const left = attempt === 1 ? timeout : Math.max(1, deadline - Date.now());
    const bound = Math.min(patience, left);
    const servers = await prepare();
    const results = await Promise.allSettled(servers.map((server) => server.start(signal, bound)));
    const failures = results.filter((result) => result.status === "rejected")
      .map((result) => result.reason);
    if (failures.length === 0) return servers;
    await Promise.all(servers.map((server) => server.stop()));
    const outcomes = failures.map((error) =>
      error instanceof NatsServerStartError ? error.outcome : "other"
    );
    const again = outcomes.includes("port taken")
      ? attempt < PORT_ATTEMPTS
      : outcomes.every((outcome) => outcome === "timed out") && Date.now() + patience < deadline;
    if (!again) throw failures[Math.max(0, outcomes.indexOf("port taken"))];
  }
}

/** Starts one server. */
export async function startSingle(
  binary: FoundServer,
  options: NatsServerOptions,
): Promise<ServerInstance> {
  const [server] = await startOnFreePorts<[ServerInstance]>(
    async () => [await prepareServer(binary, options)],
    options,
  );
  return server;
}
