/**
 * What a table of the benchmark is made of. Every capability adds its own to `tables.ts`.
 *
 * @module
 */
import type { Runtime } from "../tools/runtime_command.ts";

/** What one measured run is given. */
export interface Round {
  /** Where the measured processes run. */
  readonly runtime: Runtime;
  /** The server's URL. It has JetStream with file storage, and takes messages of 8 MiB. */
  readonly url: string;
  /** Bytes to move. */
  readonly size: number;
}

/** What one measured process needed. */
export interface ProcessResources {
  /** What the process is to the transfer, such as `sender`. */
  readonly name: string;
  /** The most resident memory that it ever had, the runtime itself included; in bytes. */
  readonly peak: number;
  /** The part of it that is the payload itself, which no way of transferring can do without; in bytes. */
  readonly payload: number;
  /** The processor time of all its threads during the measured part, in milliseconds. */
  readonly cpuMs: number;
}

/** What one run amounted to. */
export interface Measurement {
  /** Bytes that were to be moved. */
  readonly bytes: number;
  /** How long it took, in milliseconds, without start and warm-up. */
  readonly ms: number;
  /** The processes that took part. */
  readonly processes: readonly ProcessResources[];
  /** How many messages were sent. */
  readonly sent: number;
  /** How many of them were there afterwards. */
  readonly arrived: number;
  /** Whether what arrived was checked, bit for bit or by count, and is what was sent. */
  readonly whole: boolean;
}

/** One way of doing what the table is about. */
export interface Contender {
  /** What the table calls it. */
  readonly name: string;
  /** Whether losing something is what it is there to show; of all others it is a failure. */
  readonly mayLose?: boolean;
  /** Does it once, in processes of its own. */
  run(round: Round): Promise<Measurement>;
}

/** What several contenders together set as a mark, round by round. */
export interface Mark {
  /** The fastest of these sets it. */
  readonly fastestOf: readonly string[];
  /** But it is no higher than this one's speed. */
  readonly atMost?: string;
}

/** Two contenders whose speeds are compared, round by round. */
export interface Ratio {
  /** The name of the one that is judged. */
  readonly of: string;
  /** The name of the one that it is measured against; with `mark`, what the mark is called. */
  readonly to: string;
  /** What it is measured against, where that is no single contender. */
  readonly mark?: Mark;
  /** What the median should reach; absent where it is shown for information. */
  readonly wanted?: number;
}

/** What a process may need beside the payload. */
export interface MemoryLimit {
  /** The name of the contender that is judged. */
  readonly of: string;
  /** Which of its processes, such as `sender`. */
  readonly process: string;
  /** The most that its peak, the runtime included, may be above the payload; in bytes. */
  readonly wantedBeyondPayload: number;
}

/** Contenders that do the same thing, and the comparisons that matter. */
export interface BenchTable {
  /** For choosing it on the command line. */
  readonly name: string;
  /** Whether it is measured only where it is named: it needs what not everybody has. */
  readonly onRequest?: boolean;
  /** What is measured, from when to when. */
  readonly title: string;
  /** Those who do it. */
  readonly contenders: readonly Contender[];
  /** The comparisons, most important first. */
  readonly ratios: readonly Ratio[];
  /** The processes whose memory is judged. */
  readonly memory?: readonly MemoryLimit[];
}
