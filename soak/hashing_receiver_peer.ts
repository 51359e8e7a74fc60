/**
 * The process that receives many uploads at the same time, with either of the receivers, and keeps their digests alone.
 *
 * @module
 */
import { createHash } from "node:crypto";
import process from "node:process";
import { jetstream } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/nats-core";
import {
  assembleChunks,
  type AssemblerOptions,
  type ChunkedReceiver,
  connect,
  receiveChunked,
  type ReceiveChunkedOptions,
} from "../mod.ts";
import { now } from "../tools/demo/now.ts";
import { servePeer } from "../tools/serve_peer.ts";
import { type MemoryReport, watchMemory } from "./memory.ts";
import type { Place } from "./place.ts";

/** With what it is received. */
export type Way = "assemble" | "receive";

/** How it is received. */
export interface HashingInput {
  /** Where from. */
  place: Place;
  /** With what. */
  way: Way;
  /** The bounds. */
  options: AssemblerOptions | ReceiveChunkedOptions;
}

/** What was received, and refused. */
export interface HashingReport {
  /** The SHA-256 in hexadecimal of each payload, by its name; the last of each name. */
  digests: Record<string, string>;
  /** How many payloads came. */
  payloads: number;
  /** When the last one came. */
  endedAt: number;
  /** How often something was refused, by reason. */
  refused: Record<string, number>;
  /** How receiving ended, where it did. */
  ended: string | undefined;
}

/** What a consumer is asked for at a time. */
const PULL_BYTES = 16 * 1024 * 1024;

let nc: NatsConnection;
let memory: () => MemoryReport;
let receiver: ChunkedReceiver | undefined;
const report: HashingReport = {
  digests: {},
  payloads: 0,
  endedAt: 0,
  refused: {},
  ended: undefined,
};

/** Payloads of strangers are many: only what has a name that is asked for is kept. */
function take(filename: string | undefined, digest: string): void {
  report.payloads++;
  report.endedAt = now();
  if (filename !== undefined) report.digests[filename] = digest;
}

function onRejected({ reason }: { reason: string }): void {
  report.refused[reason] = (report.refused[reason] ?? 0) + 1;
}

async function assemble({ place, options }: HashingInput): Promise<void> {
  const { stream, consumer, subject } = place;
  const messages = stream === undefined
    ? nc.subscribe(subject)
    : await (await jetstream(nc).consumers.get(stream, consumer!)).consume({
      max_bytes: PULL_BYTES,
    });
  await nc.flush();
  const payloads = assembleChunks(messages, {
    ...options as AssemblerOptions,
    connection: nc,
    onRejected,
  });
  const run = async (): Promise<void> => {
    for await (const { filename, data } of payloads) {
      take(filename, createHash("sha256").update(data).digest("hex"));
    }
  };
  run().catch((error) => report.ended = String(error));
}

async function receive({ place, options }: HashingInput): Promise<void> {
  const { stream, consumer, subject } = place;
  const source = stream === undefined ? { nc, subject } : { nc, stream, consumer: consumer! };
  receiver = await receiveChunked(source, async (bytes, { filename }) => {
    const hash = createHash("sha256");
    for await (const piece of bytes) hash.update(piece);
    take(filename, hash.digest("hex"));
  }, { ...options as ReceiveChunkedOptions, onRejected });
  receiver.closed.catch((error) => report.ended = String(error));
}

servePeer({
  async open({ url }: { url: string }) {
    memory = watchMemory();
    nc = await connect({ servers: url, name: "soak receiver", reconnectWait: 100 });
    // Whoever asks here knows that everything before the question has been read.
    nc.subscribe("seen", { callback: (_error, message) => void message.respond() });
    return process.pid;
  },

  memory: () => memory(),

  /** Resolves when messages can come. */
  receive: (input: HashingInput) => input.way === "assemble" ? assemble(input) : receive(input),

  report: () => report,

  stop: () => receiver?.stop(),
});
