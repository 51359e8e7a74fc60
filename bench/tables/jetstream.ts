/**
 * Chunks into a stream.
 *
 * @module
 */
import { startPeer } from "../../tools/peer.ts";
import type { BenchTable, Contender, Measurement, Round } from "../bench_table.ts";
import { JETSTREAM } from "../contenders/names.ts";
import type { Resources } from "../resources.ts";
import { warmUpSize } from "../warm_up.ts";

/** The size of every chunk but the last. */
export const JETSTREAM_CHUNK_SIZE = 2_000_000;
const PEER = new URL("../jetstream_peer.ts", import.meta.url);

let streams = 0;

/** What the sender says of one upload. */
interface Sent extends Resources {
  ms: number;
  messages: number;
  bytes: number;
}

async function transfer(contender: string, round: Round): Promise<Measurement> {
  const { runtime, url, size } = round;
  await using sender = startPeer(PEER, { name: `sender of ${contender}`, runtime });
  await sender.call("prepare", { url, contender, payloadSize: size });
  const send = (bytes: number): Promise<Sent> =>
    sender.call("send", {
      stream: `BENCH_${++streams}`,
      size: bytes,
      chunkSize: JETSTREAM_CHUNK_SIZE,
    });
  await send(warmUpSize(size));
  const { ms, peak, cpuMs, messages, bytes } = await send(size);
  const chunks = Math.ceil(size / JETSTREAM_CHUNK_SIZE);
  return {
    bytes: size,
    ms,
    processes: [{ name: "sender", peak, payload: size, cpuMs }],
    sent: chunks,
    arrived: messages,
    whole: messages === chunks && bytes >= size,
  };
}

/** A contender of this table, for other tables too. */
export function jetStreamContender(name: string): Contender {
  return { name, run: (round) => transfer(name, round) };
}

/** natskit beside a bare window of publishes. */
export const jetStreamTable: BenchTable = {
  name: "jetstream",
  title: "2 MB chunks into a stream with file storage: from the sender's first byte until every " +
    "chunk is acknowledged",
  contenders: [
    jetStreamContender(JETSTREAM.natskit),
    jetStreamContender(JETSTREAM.natskitUnhashed),
    jetStreamContender(JETSTREAM.bareLoop),
    jetStreamContender(JETSTREAM.bareLoopHashed),
  ],
  // Like for like: a loop that does not hash leaves nothing for the receiver to check.
  ratios: [
    { of: JETSTREAM.natskit, to: JETSTREAM.bareLoopHashed, wanted: 0.95 },
    { of: JETSTREAM.natskitUnhashed, to: JETSTREAM.bareLoop, wanted: 0.95 },
    { of: JETSTREAM.natskit, to: JETSTREAM.bareLoop },
  ],
};
