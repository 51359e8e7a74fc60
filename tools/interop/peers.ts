/**
 * The peers of `tests/interop/` as programs: small senders and receivers of version-1 uploads in Go, Rust and Python. For
 * `deno task interop`, and for benchmarks that want another client beside natskit. Works on Deno, Node and Bun.
 *
 * @module
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { RuntimeCommand } from "../runtime_command.ts";
import { buildPeer } from "./build_peer.ts";
import type { Language } from "./languages.ts";

/** What a peer sends; sizes in bytes. */
export interface PeerUpload {
  url: string;
  subject: string;
  delivery: "core" | "jetstream";
  size: number;
  /** What the payload is made of; see `payload.ts`. */
  seed: number;
  chunkSize: number;
  /** In the spelling that is sent. */
  uploadId: string;
  filename?: string;
  contentType?: string;
  /** Writes each header twice, the first time wrong; not in Python, whose client has each header once. */
  repeatHeaders?: boolean;
  /** Sends the last chunk first. */
  backwards?: boolean;
  /** Sends each chunk twice. */
  twice?: boolean;
}

/** What a peer receives. */
export interface PeerReception {
  url: string;
  subject: string;
  delivery: "core" | "jetstream";
  /** The stream, where delivery is JetStream. */
  stream?: string;
  /** How many uploads; a refused one counts. */
  uploads?: number;
}

/** How fast a peer is to send; sizes in bytes. */
export interface PeerBench {
  url: string;
  /** Captured by a stream. */
  subject: string;
  size: number;
  chunkSize: number;
  /** Sent before the clock starts. */
  warmUp?: number;
  /** Publishes under way at a time; Rust has one, whatever this says. */
  inFlight?: number;
}

/** What {@linkcode peerBenchCommand}'s program prints, as one line of JSON. */
export interface PeerSpeed {
  bytes: number;
  ms: number;
  bytesPerSecond: number;
}

/** Writes options as the peers read them: `--chunk-size=5`, and `--twice` alone. */
export function peerArguments(command: string, options: object): string[] {
  const flags = Object.entries(options).flatMap(([key, value]) => {
    if (value === undefined || value === false) return [];
    const name = "--" + key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    return [value === true ? name : `${name}=${value}`];
  });
  return [command, ...flags];
}

/**
 * Builds a peer where that is needed, and returns the command line that measures how fast it publishes chunks to a stream:
 * Rust one at a time, each after the acknowledgement of the one before; Go and Python `inFlight` at a time. It prints one
 * line of JSON, a {@linkcode PeerSpeed}.
 *
 * @param language Which peer.
 * @param bench What it sends, and where.
 * @returns The program and its arguments.
 * @throws {Error} Where the toolchain is missing; the message says how to get it.
 */
export async function peerBenchCommand(
  language: Language,
  { inFlight, ...bench }: PeerBench,
): Promise<RuntimeCommand> {
  const { command, args } = await buildPeer(language);
  const options = language === "rust" ? bench : { ...bench, inFlight };
  const flags = peerArguments("bench-send", { ...options, uploadId: crypto.randomUUID() });
  return { command, args: [...args, ...flags] };
}

/** A line that a peer prints. */
export type PeerLine = Readonly<Record<string, unknown>>;

/** A peer that runs. */
export interface RunningPeer extends AsyncDisposable {
  /**
   * Waits for the next line.
   *
   * @throws {Error} Where the peer has ended, with what it said last, or prints nothing for a while.
   */
  next(): Promise<PeerLine>;
}

/** Longest wait for a line, in milliseconds. */
const LINE_TIMEOUT = 20_000;

/** Starts a peer. Ended where it is disposed of, if it has not ended by itself. */
export function startLanguagePeer(
  { command, args }: RuntimeCommand,
  flags: readonly string[],
): RunningPeer {
  const child = spawn(command, [...args, ...flags], { stdio: ["ignore", "pipe", "pipe"] });
  let complaints = "";
  child.stderr.setEncoding("utf8").on(
    "data",
    (text) => complaints = (complaints + text).slice(-4_000),
  );
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ended = endOf(child);
  const notStarted = new Promise<never>((_, reject) => {
    child.once("error", ({ message }) => reject(new Error(`could not be started: ${message}`)));
  });
  notStarted.catch(() => {}); // whoever waits for a line hears of it
  return {
    async next() {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<never>((_, reject) => {
        const fail = (): void => reject(new Error(`${flags[0]}: nothing for ${LINE_TIMEOUT} ms`));
        timer = setTimeout(fail, LINE_TIMEOUT);
      });
      try {
        const { value, done } = await Promise.race([lines.next(), notStarted, late]);
        if (!done) return JSON.parse(value);
        throw new Error(`${flags[0]}: ${await ended}\n${complaints.trim()}`);
      } finally {
        clearTimeout(timer);
      }
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once("error", () => resolve("could not be started"));
    child.once("close", (code, signal) => resolve(`ended with ${signal ?? `code ${code}`}`));
  });
}
