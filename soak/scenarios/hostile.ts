/**
 * A hostile sender beside honest ones.
 *
 * @module
 */
import { connect } from "../../mod.ts";
import { startNatsServer } from "../../src/testing/mod.ts";
import { generatedDigest } from "../generated.ts";
import type { HashingReport, Way } from "../hashing_receiver_peer.ts";
import { megabytes } from "../memory.ts";
import { createPlace, type Place, type PlaceKind } from "../place.ts";
import { hold, type Scenario } from "../scenario.ts";
import type { SendResult } from "../sender_peer.ts";
import { startVictim, type Victim } from "../stage.ts";
import { waitFor } from "../wait_for.ts";

const MiB = 1024 * 1024;
/** So many honest uploads run at the same time. */
const HONEST_AT_ONCE = 2;
const IDLE_TIMEOUT = 15_000;

const OPTIONS: Record<Way, object> = {
  assemble: {
    maxUploadBytes: 16 * MiB,
    maxUploads: 50,
    maxBufferedBytes: 64 * MiB,
    idleTimeout: IDLE_TIMEOUT,
  },
  // The largest upload stays 1 TiB, so that four billion chunks are let in.
  receive: { maxUploads: 50, idleTimeout: IDLE_TIMEOUT },
};

/** What each receiver may hold: payloads or the reorder buffer, and what is on its way to it. */
const BOUNDS: Record<Way, number> = { assemble: (64 + 32) * MiB, receive: (32 + 32) * MiB };
/** 100,000 remembered ids, and what a garbage collector lets lie. */
const BESIDE = 96 * MiB;

const REASONS = ["malformed", "conflict", "length", "too-large", "digest"];
/** Reasons that say that others needed the room; at least one of them has to show. */
const CROWDED = ["full", "evicted", "idle"];

/** Sends one upload after the other until it is told to stop. */
async function sendHonestly(
  sender: Victim,
  place: Place,
  journal: string,
  size: number,
  name: string,
  isOver: () => boolean,
): Promise<string[]> {
  const sent: string[] = [];
  while (!isOver() || sent.length === 0) {
    const filename = `honest ${name} ${sent.length}`;
    const options = { filename, chunkSize: 256_000 };
    const input = { place, size, from: "source", journal, options };
    const { error } = await sender.call<SendResult>("send", input);
    hold(error === undefined, `${filename} failed: ${error?.message}`);
    sent.push(filename);
  }
  return sent;
}

/** A million messages that mean harm. */
export const hostile: Scenario = {
  name: "hostile",
  title: "a million messages of a hostile sender: memory within bounds, honest uploads complete",
  variants: [
    "receive core",
    "receive limits",
    "receive workqueue",
    "receive per-chunk",
    "assemble core",
    "assemble limits",
    "assemble workqueue",
  ],
  times: 1,
  size: 4_000_000,
  timeout: 3_600_000,
  async run(run) {
    const [way, kind] = run.variant.split(" ") as [Way, PlaceKind];
    await using server = await startNatsServer({ storeDir: `${run.folder}/store`, log: () => {} });
    const nc = await connect({ servers: server.url });
    const place = await createPlace(nc, kind);
    await nc.close();
    const start = (script: string, name: string): Promise<Victim> =>
      startVictim(run, script, name, server.url);
    await using receiver = await start("./hashing_receiver_peer.ts", "receiver");
    await using sender = await start("./sender_peer.ts", "honest sender");
    await using attacker = await start("./hostile_peer.ts", "hostile sender");
    await receiver.call("receive", { place, way, options: OPTIONS[way] });

    let over = false;
    const honestly = (name: string): Promise<string[]> =>
      sendHonestly(sender, place, `${run.folder}/journal`, run.size, name, () => over);
    over = true;
    await honestly("before");
    over = false;
    const before = (await receiver.memory()).samples.at(-1)!;
    const honest = Promise.all(
      Array.from({ length: HONEST_AT_ONCE }, (_, number) => honestly(String(number))),
    );
    honest.catch(() => {}); // told below
    const seed = run.random.below(2 ** 31);
    const startedAt = performance.now();
    const attack = { place, messages: run.messages, seed };
    const messages = await attacker.call<number>("attack", attack);
    const seconds = (performance.now() - startedAt) / 1_000;
    over = true;
    const names = (await honest).flat();

    let report: HashingReport | undefined;
    const wanted = generatedDigest(run.size);
    const areThere = async (): Promise<boolean> => {
      report = await receiver.call<HashingReport>("report");
      hold(report.ended === undefined, `receiving ended: ${report.ended}`);
      return names.every((name) => report!.digests[name] === wanted);
    };
    await waitFor("all honest uploads", areThere, 600_000).catch((error) => {
      const missing = names.filter((name) => report?.digests[name] !== wanted);
      throw new Error(`${error.message}: missing are ${missing.join(", ")}`);
    });
    const { samples } = await receiver.memory();
    const most = (of: "rss" | "heap"): number =>
      Math.max(...samples.map((sample) => sample[of])) - before[of];
    const { refused, payloads } = report!;
    const words =
      `${messages} messages in ${seconds.toFixed(0)} s, ${names.length} honest uploads, ` +
      `${payloads} payloads; memory grew by ${megabytes(most("rss"))}, heap by ` +
      `${megabytes(most("heap"))}; ${JSON.stringify(refused)}`;
    const bound = BOUNDS[way] + BESIDE;
    hold(most("rss") <= bound, `${words}; wanted are at most ${megabytes(bound)} more`);
    const reasons = kind === "core" ? [...REASONS, "taken"] : REASONS;
    const untold = reasons.filter((reason) => refused[reason] === undefined);
    hold(untold.length === 0, `${words}; onRejected never told ${untold.join(", ")}`);
    hold(CROWDED.some((reason) => refused[reason]), `${words}; nobody had to wait or to go`);
    return words;
  },
};
