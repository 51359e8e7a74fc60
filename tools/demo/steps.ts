/**
 * The steps of the demo.
 *
 * @module
 */
import type { Peer } from "../peer.ts";
import type { DemoFile } from "./demo_file.ts";
import type { Received } from "./receiver.ts";
import type { Sent } from "./sender.ts";

/** What one step amounted to. */
export interface StepResult {
  /** What was done. */
  readonly what: string;
  /** How many bytes arrived. */
  readonly bytes: number;
  /** In how many pieces. */
  readonly chunks: number;
  /** How long it took until the last byte was there, in milliseconds. */
  readonly ms: number;
  /** Whether the receiver's SHA-256 is that of what was sent. */
  readonly matches: boolean;
}

/** What a step works with. */
export interface StepContext {
  /** The process that sends. */
  readonly sender: Peer;
  /** The process that receives. */
  readonly receiver: Peer;
  /** What is sent. */
  readonly file: DemoFile;
  /** Its SHA-256, in hexadecimal. */
  readonly digest: string;
}

/** One thing that the demo does. */
export interface DemoStep {
  /** What it is, in the present. */
  readonly label: string;
  /** Does it; `onBytes` is told how many bytes are through. */
  run(context: StepContext, onBytes: (bytes: number) => void): Promise<StepResult[]>;
}

const BUCKET = "demo";
const KEY = "last.transfer";

function chunkedStep(
  label: string,
  what: string,
  listen: "listenCore" | "listenJetStream",
  send: "core" | "jetstream",
): DemoStep {
  return {
    label,
    async run({ sender, receiver, digest }, onBytes) {
      const place = { stream: "DEMO", subject: `demo.${send}` };
      await receiver.call(listen, place);
      const [sent, received] = await Promise.all([
        sender.call<Sent>(send, place, (bytes) => onBytes(bytes as number)),
        receiver.call<Received>("received"),
      ]);
      const { bytes } = received;
      const ms = Math.max(sent.endedAt, received.endedAt) - sent.startedAt;
      return [{ what, bytes, chunks: sent.chunks, ms, matches: received.digest === digest }];
    },
  };
}

const objectStep: DemoStep = {
  label: "Storing it as an object, and fetching it",
  async run({ sender, receiver, file, digest }) {
    const put = await sender.call<Sent>("put", { bucket: BUCKET });
    const got = await receiver.call<Received>("get", { bucket: BUCKET });
    const getMs = got.endedAt - (got.startedAt ?? put.endedAt);
    const matches = got.digest === digest;
    const { chunks } = put;
    return [
      {
        what: "object store, store",
        bytes: put.bytes,
        chunks,
        ms: put.endedAt - put.startedAt,
        matches: matches && put.bytes === file.size,
      },
      { what: "object store, fetch", bytes: got.bytes, chunks, ms: getMs, matches },
    ];
  },
};

const keyStep: DemoStep = {
  label: "Writing a key, and reading it",
  async run({ sender, receiver, file, digest }) {
    const value = `${file.name} ${file.size} ${digest}`;
    const set = await sender.call<Sent>("set", { bucket: BUCKET, key: KEY, value });
    const { bytes, ...read } = await receiver.call<Received>("read", { bucket: BUCKET, key: KEY });
    const ms = read.endedAt - set.startedAt;
    return [{ what: "key-value", bytes, chunks: 1, ms, matches: read.digest === set.digest }];
  },
};

/** All steps, in order. */
export const STEPS: readonly DemoStep[] = [
  chunkedStep("Sending it over core NATS", "core NATS", "listenCore", "core"),
  chunkedStep("Sending it through JetStream", "JetStream", "listenJetStream", "jetstream"),
  objectStep,
  keyStep,
];
