import process from "node:process";
import { cacheFolder } from "./_cache.ts";
import { findServer } from "./_find_server.ts";
import type { FindLimits, FoundServer } from "./_steps/_step.ts";
import { runCommand } from "./_run.ts";

/** Each step is bounded; the two that fetch and build may take as long as a slow line needs for 10 MB. */
const LIMITS: FindLimits = {
  download: { firstByte: 5_000, idle: 10_000, total: 120_000 },
  look: 10_000,
  ask: 15_000,
  goInstall: 240_000,
  pipDownload: 60_000,
  lock: { wait: 420_000, stale: 15_000 },
};

/** What was found in this process, by what was asked for and what decides the answer. */
const found = new Map<string, FoundServer>();

/** Finds or gets a server on this machine, and logs one line about which. */
export async function obtainServer(options: {
  version: string | undefined;
  signal: AbortSignal | undefined;
  log: (line: string) => void;
}): Promise<FoundServer> {
  const { version, signal, log } = options;
  const { env, platform, arch } = process;
  const key = JSON.stringify([version, env["NATS_SERVER_BIN"], env["PATH"]]);
  const context = {
    env,
    platform,
    arch,
    cacheDir: cacheFolder(env, platform),
    fetch: globalThis.fetch,
    run: runCommand,
    limits: LIMITS,
    log,
    signal,
  };
  const server = found.get(key) ?? await findServer(context, version);
  found.set(key, server);
  log(`natskit: using nats-server ${server.version} from ${server.source} (${server.path})`);
  return server;
}
