/**
 * A network that takes 25 ms each way, and one that is cut off now and then.
 *
 * @module
 */
import { CORE, JETSTREAM } from "../../bench/contenders/names.ts";
import { createPayload, sha256 } from "../../bench/payload.ts";
import { summarize } from "../../bench/statistics.ts";
import { warmUpSize } from "../../bench/warm_up.ts";
import { type NatsServer, startNatsServer } from "../../src/testing/mod.ts";
import { startProxy } from "../../tests/_proxy.ts";
import { startPeer } from "../../tools/peer.ts";
import { hold, type Scenario, type SoakRun } from "../scenario.ts";

const DELAY = 25;
const CHUNK_SIZE = 64_000;
const ROUNDS = 3;
/** One chunk a round trip needs no more to be measured. */
const ONE_BY_ONE_SIZE = 40 * CHUNK_SIZE;

const TIMES_ONE_BY_ONE = 20;
const PART_OF_BARE_LOOP = 0.9;

/** Sends once; returns bytes a millisecond. */
type Send = (contender: string, size: number) => Promise<number>;

let uploads = 0;

/** Over core NATS the receiver is near the server, and the sender far away. */
function coreSender({ runtime, timeout }: SoakRun, near: string, far: string): Send {
  const script = new URL("../../bench/core_peer.ts", import.meta.url);
  return async (contender, size) => {
    await using receiver = startPeer(script, { name: "receiver", runtime, timeout });
    await using sender = startPeer(script, { name: "sender", runtime, timeout });
    await receiver.call("prepare", { url: near, contender });
    await sender.call("prepare", { url: far, contender, payloadSize: size });
    const once = async (size: number): Promise<number> => {
      const upload = { subject: `soak.${++uploads}`, size, chunkSize: CHUNK_SIZE };
      await receiver.call("subscribe", upload);
      const { ms } = await sender.call<{ ms: number }>("send", upload);
      const { digest } = await receiver.call<{ digest: string }>("received");
      hold(digest === sha256(createPayload(size)), `${contender}: another digest arrived`);
      return size / ms;
    };
    await once(warmUpSize(size));
    return await once(size);
  };
}

function jetStreamSender({ runtime, timeout }: SoakRun, _near: string, far: string): Send {
  const script = new URL("../../bench/jetstream_peer.ts", import.meta.url);
  return async (contender, size) => {
    await using sender = startPeer(script, { name: "sender", runtime, timeout });
    await sender.call("prepare", { url: far, contender, payloadSize: size });
    const once = async (size: number): Promise<number> => {
      const upload = { stream: `SOAK_${++uploads}`, size, chunkSize: CHUNK_SIZE };
      const sent = await sender.call<{ ms: number; messages: number }>("send", upload);
      const chunks = Math.ceil(size / CHUNK_SIZE);
      hold(sent.messages === chunks, `${contender}: ${sent.messages} chunks of ${chunks} stored`);
      return size / sent.ms;
    };
    await once(warmUpSize(size));
    return await once(size);
  };
}

async function measure(run: SoakRun, server: NatsServer): Promise<string> {
  await using proxy = await startProxy(server.port, { delay: DELAY });
  const overCore = run.variant === "core";
  const names = overCore ? CORE : JETSTREAM;
  const bareLoop = overCore ? CORE.creditLoopHashed : JETSTREAM.bareLoopHashed;
  const send = (overCore ? coreSender : jetStreamSender)(run, server.url, proxy.url);
  const oneByOne = await send(names.oneByOne, ONE_BY_ONE_SIZE);
  const ratios: number[] = [];
  const rates: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    // Whoever goes first in one round goes last in the next.
    const order = round % 2 === 0 ? [names.natskit, bareLoop] : [bareLoop, names.natskit];
    const rate: Record<string, number> = {};
    for (const name of order) rate[name] = await send(name, run.size);
    ratios.push(rate[names.natskit]! / rate[bareLoop]!);
    rates.push(rate[names.natskit]!);
  }
  const times = summarize(rates)!.median / oneByOne;
  const ratio = summarize(ratios)!.median;
  const words =
    `${(summarize(rates)!.median / 1_000).toFixed(0)} MB/s, ${times.toFixed(0)} times ` +
    `one chunk a round trip, ${ratio.toFixed(2)} of a bare windowed loop`;
  hold(times >= TIMES_ONE_BY_ONE, `${words}; wanted are ${TIMES_ONE_BY_ONE} times`);
  hold(ratio >= PART_OF_BARE_LOOP, `${words}; wanted is ${PART_OF_BARE_LOOP}`);
  return words;
}

/** 25 ms each way. */
export const latency: Scenario = {
  name: "latency",
  title: "25 ms each way, chunks of 64 kB: 20 times one chunk a round trip, 0.9 of a bare loop",
  variants: ["core", "jetstream"],
  times: 1,
  // As in the bench: what is asked before and after the chunks costs some round trips, whatever the size.
  size: 1_000_000_000,
  timeout: 600_000,
  async run(run) {
    const storeDir = `${run.folder}/store`;
    await using server = await startNatsServer({ storeDir, log: () => {} });
    return await measure(run, server);
  },
};
