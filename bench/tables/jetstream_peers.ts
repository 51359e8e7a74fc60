/**
 * Chunks into a stream, beside other clients.
 *
 * @module
 */
import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "../../mod.ts";
import type { Language } from "../../tools/interop/languages.ts";
import { peerBenchCommand, type PeerSpeed, startLanguagePeer } from "../../tools/interop/peers.ts";
import type { BenchTable, Contender, Measurement, Round } from "../bench_table.ts";
import { JETSTREAM } from "../contenders/names.ts";
import { warmUpSize } from "../warm_up.ts";
import { JETSTREAM_CHUNK_SIZE, jetStreamContender } from "./jetstream.ts";

/** natskit's own window in chunks of 2 MB. */
const IN_FLIGHT = 8;

const RUST = "Rust, one at a time";
const GO = "Go, PublishAsync";

let streams = 0;

/** Lets a peer publish to a stream of its own, and sees what the stream then holds. */
async function publish(language: Language, { url, size }: Round): Promise<Measurement> {
  const warmUp = warmUpSize(size);
  const nc = await connect({ servers: url });
  const jsm = await jetstreamManager(nc);
  const stream = `BENCH_PEER_${++streams}`;
  const subject = `bench.${stream}`;
  await jsm.streams.add({ name: stream, subjects: [subject], storage: "file" });
  try {
    const bench = { url, subject, size, warmUp, chunkSize: JETSTREAM_CHUNK_SIZE };
    const { command, args } = await peerBenchCommand(language, { ...bench, inFlight: IN_FLIGHT });
    await using peer = startLanguagePeer({ command, args: [] }, args);
    const { ms } = await peer.next() as unknown as PeerSpeed;
    const { messages } = (await jsm.streams.info(stream)).state;
    const chunksOf = (bytes: number): number => Math.ceil(bytes / JETSTREAM_CHUNK_SIZE);
    const sent = chunksOf(size);
    const arrived = messages - chunksOf(warmUp);
    return { bytes: size, ms, processes: [], sent, arrived, whole: arrived === sent };
  } finally {
    await jsm.streams.delete(stream);
    await nc.close();
  }
}

function peer(name: string, language: Language): Contender {
  return { name, run: (round) => publish(language, round) };
}

/** The fastest peer; where a bare loop of this runtime is slower, that. */
function mark(
  bareLoop: string,
): { to: string; mark: NonNullable<BenchTable["ratios"][0]["mark"]> } {
  return {
    to: `the faster of Rust and Go, or ${bareLoop} where that is slower`,
    mark: { fastestOf: [RUST, GO], atMost: bareLoop },
  };
}

/** natskit beside async-nats and nats.go. Fails by name where a toolchain is missing. */
export const jetStreamPeersTable: BenchTable = {
  name: "jetstream_peers",
  onRequest: true,
  title:
    "2 MB chunks into a stream with file storage, beside clients in other languages, which do " +
    "not hash: from the first byte until every chunk is acknowledged",
  contenders: [
    jetStreamContender(JETSTREAM.natskit),
    jetStreamContender(JETSTREAM.natskitUnhashed),
    jetStreamContender(JETSTREAM.bareLoop),
    jetStreamContender(JETSTREAM.bareLoopHashed),
    peer(RUST, "rust"),
    peer(GO, "go"),
  ],
  ratios: [
    { of: JETSTREAM.natskit, ...mark(JETSTREAM.bareLoopHashed), wanted: 0.95 },
    { of: JETSTREAM.natskitUnhashed, ...mark(JETSTREAM.bareLoop), wanted: 0.95 },
    { of: JETSTREAM.natskit, to: RUST },
    { of: JETSTREAM.natskit, to: GO },
    { of: JETSTREAM.natskitUnhashed, to: RUST },
    { of: JETSTREAM.natskitUnhashed, to: GO },
  ],
};
