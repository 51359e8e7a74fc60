/**
 * Chunks over core NATS.
 *
 * @module
 */
import { startPeer } from "../../tools/peer.ts";
import type { BenchTable, Contender, Measurement, Round } from "../bench_table.ts";
import { CORE } from "../contenders/names.ts";
import { createPayload, sha256 } from "../payload.ts";
import type { Resources } from "../resources.ts";
import { warmUpSize } from "../warm_up.ts";

const CHUNK_SIZE = 2_000_000;
const PEER = new URL("../core_peer.ts", import.meta.url);

let uploads = 0;

/** What should arrive; the same for every round of one size. */
const digests = new Map<number, string>();

function expectedDigest(size: number): string {
  const known = digests.get(size) ?? sha256(createPayload(size));
  digests.set(size, known);
  return known;
}

async function transfer(contender: string, round: Round): Promise<Measurement> {
  const { runtime, url, size } = round;
  await using receiver = startPeer(PEER, { name: `receiver of ${contender}`, runtime });
  await using sender = startPeer(PEER, { name: `sender of ${contender}`, runtime });
  await receiver.call("prepare", { url, contender });
  await sender.call("prepare", { url, contender, payloadSize: size });

  const send = async (bytes: number) => {
    const upload = { subject: `bench.${++uploads}`, size: bytes, chunkSize: CHUNK_SIZE };
    await receiver.call("subscribe", upload);
    const sent = await sender.call<Resources & { ms: number }>("send", upload);
    const received = await receiver.call<Resources & { chunks: number; digest: string }>(
      "received",
    );
    return { sent, received };
  };
  await send(warmUpSize(size));
  const { sent, received } = await send(size);
  return {
    bytes: size,
    ms: sent.ms,
    processes: [
      { name: "sender", peak: sent.peak, payload: size, cpuMs: sent.cpuMs },
      {
        name: "receiver",
        peak: received.peak,
        payload: Math.min(size, received.chunks * CHUNK_SIZE),
        cpuMs: received.cpuMs,
      },
    ],
    sent: Math.ceil(size / CHUNK_SIZE),
    arrived: received.chunks,
    whole: received.digest === expectedDigest(size),
  };
}

function contender(name: string, mayLose = false): Contender {
  return { name, mayLose, run: (round) => transfer(name, round) };
}

/** natskit beside a hand-written credit loop, and the loop that loses. */
export const coreTable: BenchTable = {
  name: "core",
  title: "2 MB chunks over core NATS, one process to another: from the sender's first byte until " +
    "it knows that all is there",
  contenders: [
    contender(CORE.natskit),
    contender(CORE.natskitUnhashed),
    contender(CORE.creditLoop),
    contender(CORE.creditLoopHashed),
    contender(CORE.obviousLoop, true),
  ],
  // Like for like: a loop that does not hash proves nothing about what arrived.
  ratios: [
    { of: CORE.natskit, to: CORE.creditLoopHashed, wanted: 0.9 },
    { of: CORE.natskitUnhashed, to: CORE.creditLoop, wanted: 0.9 },
    { of: CORE.natskit, to: CORE.creditLoop },
  ],
  memory: [{ of: CORE.natskit, process: "sender", wantedBeyondPayload: 200_000_000 }],
};
