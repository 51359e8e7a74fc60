/**
 * A server, and the processes that send and receive through it.
 *
 * @module
 */
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import type { NatsConnection } from "@nats-io/nats-core";
import { connect } from "../mod.ts";
import { type NatsServer, startNatsServer } from "../src/testing/mod.ts";
import { sha256OfFile } from "../tools/demo/demo_file.ts";
import { type Peer, startPeer } from "../tools/peer.ts";
import { type JournalEntry, type JournalEvent, readJournal } from "./journal.ts";
import type { MemoryReport } from "./memory.ts";
import { createPlace, describeOpen, type Place, type PlaceKind, settled } from "./place.ts";
import type { ReceiveInput } from "./receiver_peer.ts";
import { hold, type SoakRun } from "./scenario.ts";
import type { SendInput, SendResult } from "./sender_peer.ts";
import { waitFor } from "./wait_for.ts";

/** A process that can be killed. */
export interface Victim extends Peer {
  /** Its process id. */
  readonly pid: number;
  /** Ends it as a crash does; resolves when it is gone. */
  kill(): Promise<void>;
  /** What memory it needed. */
  memory(): Promise<MemoryReport>;
}

/** What the file is called that every upload is to become. */
export const FILENAME = "payload.bin";

/** Room for a chunk of 2 MB and its headers, and for the largest that the protocol knows. */
const MAX_PAYLOAD = 8 * 1024 * 1024;

/** A transfer in which nothing happens for so long, in milliseconds, hangs. */
const MOST_SILENCE = 45_000;

/** Starts a process of this folder, and lets it connect. */
export async function startVictim(
  run: SoakRun,
  script: string,
  name: string,
  url: string,
): Promise<Victim> {
  const { runtime, timeout } = run;
  const peer = startPeer(new URL(script, import.meta.url), { name, runtime, timeout });
  const pid = await peer.call<number>("open", { url });
  const kill = (): Promise<void> => {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It is dead already.
    }
    return peer.stop();
  };
  return { ...peer, pid, kill, memory: () => peer.call("memory") };
}

/** The server of one run, with a place for uploads. */
export class Stage implements AsyncDisposable {
  /** The server. */
  readonly server: NatsServer;
  /** Where uploads go. */
  readonly place: Place;
  /** Where files are received. */
  readonly files: string;
  /** What happened. */
  readonly journal: string;
  readonly #run: SoakRun;
  readonly #victims: Victim[] = [];

  private constructor(run: SoakRun, server: NatsServer, place: Place) {
    this.#run = run;
    this.server = server;
    this.place = place;
    this.files = join(run.folder, "files");
    this.journal = join(run.folder, "journal");
    mkdirSync(this.files);
  }

  /** Starts a server and makes a place. */
  static async open(run: SoakRun, kind: PlaceKind): Promise<Stage> {
    const storeDir = join(run.folder, "store");
    const server = await startNatsServer({ maxPayload: MAX_PAYLOAD, storeDir, log: () => {} });
    try {
      const nc = await connect({ servers: server.url });
      const place = await createPlace(nc, kind);
      await nc.close();
      return new Stage(run, server, place);
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  /** Starts a process that sends. */
  sender(url: string = this.server.url): Promise<Victim> {
    return this.#start("sender", url);
  }

  /** Starts a process that receives; resolves when messages can come. */
  async receiver(
    more: Partial<ReceiveInput> = {},
    url: string = this.server.url,
  ): Promise<Victim> {
    const victim = await this.#start("receiver", url);
    const { place, files: folder, journal } = this;
    await victim.call("receive", { place, folder, journal, ...more });
    return victim;
  }

  async #start(role: "sender" | "receiver", url: string): Promise<Victim> {
    const victim = await startVictim(this.#run, `./${role}_peer.ts`, role, url);
    this.#victims.push(victim);
    return victim;
  }

  /** Lets a sender send the run's payload. */
  send(sender: Victim, more: Partial<SendInput> = {}): Promise<SendResult> {
    const { place, journal } = this;
    const { options, ...rest } = more;
    const input: SendInput = {
      place,
      journal,
      size: this.#run.size,
      from: "source",
      ...rest,
      options: { filename: FILENAME, ...options },
    };
    return sender.call("send", input);
  }

  /** What happened so far, of one kind. */
  events(event: JournalEvent): JournalEntry[] {
    return readJournal(this.journal).filter((entry) => entry.event === event);
  }

  /** The most bytes that one line of a kind tells of. */
  bytes(event: "confirmed" | "bytes"): number {
    return Math.max(0, ...this.events(event).map(({ bytes = 0 }) => bytes));
  }

  /**
   * Waits until so many handlers have resolved.
   *
   * @throws {Error} If nothing happens for a while; says what did, and what the server still owes the receivers.
   */
  async ended(count = 1): Promise<void> {
    let seen = -1;
    let changedAt = performance.now();
    const isDone = (): boolean => {
      const entries = readJournal(this.journal);
      if (entries.length > seen) changedAt = performance.now();
      else hold(performance.now() - changedAt < MOST_SILENCE, "nothing happens");
      seen = entries.length;
      return entries.filter(({ event }) => event === "end").length >= count;
    };
    await waitFor(`${count} uploads handled`, isDone, this.#run.timeout).catch(async (error) => {
      const open = await this.ask((nc) => describeOpen(nc, this.place));
      throw new Error(`${error.message}: ${this.describe()}; ${open}`);
    });
  }

  /** Waits until nothing can come again. */
  async settled(): Promise<void> {
    await this.ask((nc) => settled(nc, this.place));
  }

  /** Does something with a connection of its own. */
  async ask<T>(work: (nc: NatsConnection) => Promise<T>): Promise<T> {
    const nc = await connect({ servers: this.server.url });
    try {
      return await work(nc);
    } finally {
      await nc.close();
    }
  }

  /**
   * Checks that the folder holds one file, which is the payload, and that the server had nobody to cut off.
   *
   * @param digest The SHA-256 of the payload, in hexadecimal.
   * @param leftovers How many unfinished files killed receivers may have left.
   */
  async holdsOneFile(digest: string, leftovers = 0): Promise<void> {
    const names = readdirSync(this.files);
    const finished = names.filter((name) => name === FILENAME || !isTemporary(name));
    hold(
      finished.length === 1 && finished[0] === FILENAME,
      `the folder shows ${JSON.stringify(names)}, wanted is ${FILENAME} alone. ${this.describe()}`,
    );
    hold(
      names.length - 1 <= leftovers,
      `${names.length - 1} unfinished files are left, wanted at most ${leftovers}: ${names}`,
    );
    const found = await sha256OfFile(join(this.files, FILENAME));
    hold(found === digest, `the file's digest is ${found}, wanted is ${digest}`);
  }

  /** What happened, in a few words, for errors. */
  describe(): string {
    const count = (event: JournalEvent): number => this.events(event).length;
    const refused = this.events("rejected").slice(-3).map(({ words }) => words);
    return `begun ${count("begin")}, handled ${count("end")}, confirmed ` +
      `${this.bytes("confirmed")} bytes, taken ${this.bytes("bytes")} bytes` +
      (refused.length > 0 ? `, refused: ${refused.join("; ")}` : "");
  }

  /** Ends all processes and the server. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#victims.map((victim) => victim.stop()));
    await this.server.stop();
  }
}

/** Whether a name is one of those under which the file sink writes what is not whole yet. */
function isTemporary(name: string): boolean {
  return name.startsWith(".");
}
