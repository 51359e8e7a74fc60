import { createHash, randomUUID } from "node:crypto";
import { resolve } from "node:path";
import type { FoundServer } from "./_steps/_step.ts";
import type { ServerInstance } from "./_instance.ts";
import { pickFreePorts } from "./_ports.ts";
import { prepareServer, startOnFreePorts } from "./_single.ts";
import type { NatsCluster } from "./nats_server.ts";
import type { NatsServerOptions } from "./nats_server_options.ts";

/**
 * When a cluster with new stores is begun again, in milliseconds. About one in ten of version 2.10.25 founds its
 * JetStream group with a member too few (`cluster_size` in `/jsz`), and that member waits for ever.
 */
const FORMATION_PATIENCE = 8_000;

/** The part of a server's `/jsz` that tells who leads. */
interface JetStreamState {
  meta_cluster?: {
    leader?: string;
    replicas?: { name: string; current: boolean; offline?: boolean }[];
  };
  account_details?: { stream_detail?: { name: string; cluster?: { leader?: string } }[] }[];
}

async function metaCluster(
  member: ServerInstance,
): Promise<NonNullable<JetStreamState["meta_cluster"]>> {
  const { status, body } = await member.ask("/jsz");
  return status === 200 ? (JSON.parse(body) as JetStreamState).meta_cluster ?? {} : {};
}

/**
 * What a member lacks. It asks for the leader rather than for the server's health: the health check calls itself well
 * before any leader was elected (2.15.1 does). While members are down or paused there may be no leader, or streams
 * without a quorum, so that less can be asked for.
 */
async function missingInCluster(
  self: ServerInstance,
  members: readonly ServerInstance[],
): Promise<string> {
  const serving = members.filter((member) => member.serves).length;
  if (serving <= members.length / 2) return "";
  const { leader } = await metaCluster(self);
  if (!leader) return "no JetStream leader is elected";
  const leading = members.find((member) => member.name === leader);
  if (leading && leading !== self) {
    const known = (await metaCluster(leading)).replicas?.find(({ name }) => name === self.name);
    if (!known?.current || known.offline) return `the JetStream leader ${leader} does not see it`;
  }
  if (serving < members.length) return "";
  const health = await self.ask("/healthz");
  if (health.status !== 200) return `JetStream is not ready: ${health.body.trim()}`;
  // A stream without a leader answers nothing at all, and the health check does not mind.
  const state = await self.ask("/jsz?accounts=true&streams=true");
  const streams = (JSON.parse(state.body) as JetStreamState).account_details
    ?.flatMap((account) => account.stream_detail ?? []);
  const leaderless = streams?.find(({ cluster }) => cluster && !cluster.leader);
  return leaderless ? `stream ${leaderless.name} has no leader` : "";
}

async function prepareMembers(
  binary: FoundServer,
  options: NatsServerOptions,
  size: number,
): Promise<ServerInstance[]> {
  const routes = await pickFreePorts(size);
  // Servers refuse routes from a cluster of another name. Were all named alike, those of another test run that took
  // over the port of a killed member would join this cluster. A store that is used again keeps its name.
  const origin = options.storeDir === undefined ? randomUUID() : resolve(options.storeDir);
  const name = `natskit-${createHash("sha256").update(origin).digest("hex").slice(0, 8)}`;
  const members: ServerInstance[] = [];
  for (const [index, port] of routes.entries()) {
    members.push(
      await prepareServer(binary, options, {
        name: `natskit-${index + 1}`,
        cluster: { name, port, peers: routes },
        missing: (self) => missingInCluster(self, members),
      }),
    );
  }
  return members;
}

/** Starts servers that know of each other, and waits until they have elected a leader. */
export async function startCluster(
  binary: FoundServer,
  options: NatsServerOptions,
  size: number,
): Promise<NatsCluster> {
  const servers = await startOnFreePorts(
    () => prepareMembers(binary, options, size),
    options,
    options.storeDir === undefined ? FORMATION_PATIENCE : Infinity,
  );
  const stop = async (): Promise<void> => {
    await Promise.all(servers.map((server) => server.stop()));
  };
  return {
    servers,
    urls: servers.map((server) => server.url),
    version: binary.version,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
