/**
 * From file to file over core NATS.
 *
 * @module
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sha256OfFile } from "../../tools/demo/demo_file.ts";
import { startPeer } from "../../tools/peer.ts";
import type { BenchTable, Contender, Measurement, Round } from "../bench_table.ts";
import { FILES } from "../contenders/names.ts";
import { createPayload } from "../payload.ts";
import type { Resources } from "../resources.ts";
import { warmUpSize } from "../warm_up.ts";

const CHUNK_SIZE = 2_000_000;
const PEER = new URL("../files_peer.ts", import.meta.url);

let uploads = 0;

async function transfer(contender: string, round: Round, folder: string): Promise<Measurement> {
  const { runtime, url, size } = round;
  await using receiver = startPeer(PEER, { name: `receiver of ${contender}`, runtime });
  await using sender = startPeer(PEER, { name: `sender of ${contender}`, runtime });
  await receiver.call("prepare", { url, contender });
  await sender.call("prepare", { url, contender });

  const send = async (bytes: number) => {
    const name = `${bytes}.bin`;
    const path = join(folder, name);
    const into = join(folder, `${++uploads}`);
    writeFileSync(path, createPayload(bytes));
    mkdirSync(into);
    const upload = { subject: `bench.${uploads}`, path, folder: into, chunkSize: CHUNK_SIZE };
    await receiver.call("receive", upload);
    const sent = await sender.call<Resources & { ms: number }>("send", upload);
    const received = await receiver.call<Resources>("received");
    const whole = await sha256OfFile(path) === await sha256OfFile(join(into, name));
    return { sent, received, whole };
  };
  await send(warmUpSize(size));
  const { sent, received, whole } = await send(size);
  const chunks = Math.ceil(size / CHUNK_SIZE);
  return {
    bytes: size,
    ms: sent.ms,
    processes: [
      { name: "sender", peak: sent.peak, payload: 0, cpuMs: sent.cpuMs },
      { name: "receiver", peak: received.peak, payload: 0, cpuMs: received.cpuMs },
    ],
    sent: chunks,
    arrived: whole ? chunks : 0,
    whole,
  };
}

function contender(name: string): Contender {
  return {
    name,
    async run(round) {
      const folder = mkdtempSync(join(tmpdir(), "natskit-bench-"));
      try {
        return await transfer(name, round, folder);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
  };
}

/** natskit from file to file, beside a hand-written credit loop. */
export const filesTable: BenchTable = {
  name: "files",
  title:
    "a file in 2 MB chunks over core NATS into a file: from the sender's first byte until it " +
    "knows that the file is on the disk under its name",
  contenders: [contender(FILES.natskit), contender(FILES.creditLoop)],
  ratios: [{ of: FILES.natskit, to: FILES.creditLoop, wanted: 0.9 }],
  memory: [
    { of: FILES.natskit, process: "sender", wantedBeyondPayload: 150_000_000 },
    { of: FILES.natskit, process: "receiver", wantedBeyondPayload: 150_000_000 },
  ],
};
