/**
 * A thousand uploads at the same time.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { startNatsServer } from "../../src/testing/mod.ts";
import { connect } from "../../mod.ts";
import { generate } from "../generated.ts";
import type { HashingReport, Way } from "../hashing_receiver_peer.ts";
import { createPlace, type PlaceKind } from "../place.ts";
import { hold, type Scenario, type SoakRun } from "../scenario.ts";
import { startVictim } from "../stage.ts";
import { waitFor } from "../wait_for.ts";
import { watchWindows, type Windows } from "../windows.ts";

const COUNT = 1_000;
const CHUNK_SIZE = 100_000;
const PART_OF_ONE = 0.7;
/** What a receiver takes at the same time by default, and what may be on its way to it. */
const DEFAULT_UPLOADS = 100;
const INBOUND_BYTES = 32 * 1024 * 1024;

const GB = 1_000_000_000;
const RAISED: Record<Way, object> = {
  assemble: {
    maxUploads: 2 * COUNT,
    maxUploadBytes: 2 * GB,
    maxBufferedBytes: 2 * GB,
    maxChunks: 100_000,
  },
  receive: { maxUploads: 2 * COUNT },
};

interface Sent {
  /** Bytes a millisecond, until sender and receiver were done. */
  readonly rate: number;
  /** What was granted, over core NATS. */
  readonly windows: Windows;
}

/** Sends so many uploads, which are so many bytes together; processes and server are new each time. */
async function send(
  run: SoakRun,
  way: Way,
  kind: PlaceKind,
  count: number,
  options: object,
): Promise<Sent> {
  const storeDir = `${run.folder}/${count}`;
  await using server = await startNatsServer({ storeDir, log: () => {} });
  const nc = await connect({ servers: server.url });
  const place = await createPlace(nc, kind);
  const windows = watchWindows(nc);
  await nc.flush();
  await using receiver = await startVictim(
    run,
    "./hashing_receiver_peer.ts",
    "receiver",
    server.url,
  );
  await using sender = await startVictim(run, "./crowd_sender_peer.ts", "sender", server.url);
  await receiver.call("receive", { place, way, options });
  const size = run.size / count;
  const input = { place, count, size, chunkSize: CHUNK_SIZE };
  const sent = await sender.call<{ startedAt: number; endedAt: number }>("send", input);
  let report: HashingReport | undefined;
  const isDone = async (): Promise<boolean> => {
    report = await receiver.call<HashingReport>("report");
    return report.payloads >= count;
  };
  await waitFor(`${count} payloads`, isDone, run.timeout).catch((error) => {
    throw new Error(
      `${error.message}: ${report?.payloads} came, ${JSON.stringify(report?.refused)}`,
    );
  });
  const { digests, payloads, endedAt } = report!;
  hold(payloads === count, `${payloads} payloads came, wanted are ${count}`);
  for (let number = 0; number < count; number++) {
    const hash = createHash("sha256");
    const end = (number + 1) * size;
    for (let at = number * size; at < end; at += 1_000_000) {
      hash.update(generate(at, Math.min(end, at + 1_000_000)));
    }
    hold(digests[number] === hash.digest("hex"), `upload ${number} has another digest`);
  }
  await nc.close();
  const ms = Math.max(sent.endedAt, endedAt) - sent.startedAt;
  return { rate: run.size / ms, windows: windows() };
}

/** A thousand uploads of 1 MB. */
export const many: Scenario = {
  name: "many",
  title: "a thousand interleaved uploads of 1 MB: 0.7 of one upload; default limits hold on core",
  variants: [
    "receive core",
    "receive limits",
    "receive per-chunk",
    "assemble core",
    "assemble limits",
    "receive core, default limits",
    "assemble core, default limits",
  ],
  times: 1,
  size: COUNT * 1_000_000,
  timeout: 600_000,
  async run(run) {
    const [way, kind] = run.variant.replace(",", "").split(" ") as [Way, PlaceKind];
    if (run.variant.endsWith("default limits")) {
      const { rate, windows } = await send(run, way, kind, COUNT, {});
      const { uploads, bytes } = windows;
      const words = `${(rate / 1_000).toFixed(0)} MB/s, windows for ${uploads} uploads and of ` +
        `${bytes} bytes at most`;
      hold(uploads <= DEFAULT_UPLOADS, `${words}, wanted are at most ${DEFAULT_UPLOADS} uploads`);
      hold(bytes <= INBOUND_BYTES, `${words}, wanted are at most ${INBOUND_BYTES} bytes`);
      return words;
    }
    const one = await send(run, way, kind, 1, RAISED[way]);
    const crowd = await send(run, way, kind, COUNT, RAISED[way]);
    const again = await send({ ...run, folder: `${run.folder}/again` }, way, kind, 1, RAISED[way]);
    const ratio = crowd.rate / ((one.rate + again.rate) / 2);
    const rates = [crowd, one, again].map(({ rate }) => (rate / 1_000).toFixed(0));
    const words = `${rates[0]} MB/s, as one upload ${rates[1]} and ${rates[2]}: ` +
      `${ratio.toFixed(2)}`;
    hold(ratio >= PART_OF_ONE, `${words}, wanted is ${PART_OF_ONE}`);
    return words;
  },
};
