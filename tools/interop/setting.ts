/**
 * What the cells of `deno task interop` work with: a server, peers in other languages, and natskit on each runtime.
 *
 * @module
 */
import { jetstreamManager, type RetentionPolicy } from "@nats-io/jetstream";
import { connect } from "../../mod.ts";
import { startNatsServer } from "../../src/testing/mod.ts";
import { type Peer, startPeer } from "../peer.ts";
import type { Runtime, RuntimeCommand } from "../runtime_command.ts";
import { buildPeer } from "./build_peer.ts";
import type { Language } from "./languages.ts";
import { type RunningPeer, startLanguagePeer } from "./peers.ts";

/** How chunks travel. */
export type Delivery = "core" | "jetstream";

/** What cells are run with. */
export interface InteropSetting extends AsyncDisposable {
  /** The server's address. */
  url: string;
  /** The languages of the peers. */
  languages: readonly Language[];
  /** Where natskit runs; the first one proves everything, the others a part of it. */
  runtimes: readonly Runtime[];
  /** natskit's own process on a runtime. */
  natskit(runtime: Runtime): Peer;
  /**
   * Starts a peer.
   *
   * @throws {Error} Where it could not be built.
   */
  start(language: Language, flags: readonly string[]): RunningPeer;
  /** A subject that no other cell uses; over JetStream in a stream of its own, which is removed with it. */
  openSubject(
    delivery: Delivery,
    retention?: RetentionPolicy,
  ): Promise<{ subject: string; stream?: string } & AsyncDisposable>;
}

/** A server that takes chunks of 2 MB and more. */
const MAX_PAYLOAD = 8 * 1024 * 1024;

async function buildAll(
  languages: readonly Language[],
): Promise<Map<Language, RuntimeCommand | Error>> {
  const built = new Map<Language, RuntimeCommand | Error>();
  for (const language of languages) {
    built.set(language, await buildPeer(language).catch((error: Error) => error));
  }
  return built;
}

/**
 * Builds the peers, starts a server, and natskit on each runtime. A peer that cannot be built fails the cells that need it.
 *
 * @param languages The peers to build.
 * @param runtimes Where natskit is to run.
 */
export async function openSetting(
  languages: readonly Language[],
  runtimes: readonly Runtime[],
): Promise<InteropSetting> {
  const built = await buildAll(languages);
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await startNatsServer({ maxPayload: MAX_PAYLOAD }));
  const nc = await connect({ servers: server.url });
  stack.defer(() => nc.close());
  const jsm = await jetstreamManager(nc);
  const natskit = new Map<Runtime, Peer>();
  for (const runtime of runtimes) {
    const script = new URL("natskit_peer.ts", import.meta.url);
    const peer = stack.use(startPeer(script, { name: `natskit on ${runtime}`, runtime }));
    natskit.set(runtime, peer);
    await peer.call("connect", { url: server.url });
  }
  let opened = 0;
  const resources = stack.move();
  return {
    url: server.url,
    languages,
    runtimes,
    natskit: (runtime) => natskit.get(runtime)!,
    start(language, flags) {
      const command = built.get(language)!;
      if (command instanceof Error) throw command;
      return startLanguagePeer(command, flags);
    },
    async openSubject(delivery, retention = "limits") {
      const number = ++opened;
      const subject = `interop.${number}`;
      if (delivery === "core") return { subject, [Symbol.asyncDispose]: () => Promise.resolve() };
      const stream = `INTEROP_${number}`;
      await jsm.streams.add({ name: stream, subjects: [subject, `${subject}.>`], retention });
      return {
        subject,
        stream,
        [Symbol.asyncDispose]: async () => void await jsm.streams.delete(stream),
      };
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}
