/**
 * What a soak run is made of.
 *
 * @module
 */
import type { Runtime } from "../tools/runtime_command.ts";
import type { Random } from "./random.ts";

/** What one run is given. */
export interface SoakRun {
  /** Where the sender and the receiver run. */
  readonly runtime: Runtime;
  /** Which of the scenario's variants. */
  readonly variant: string;
  /** Bytes of one upload. */
  readonly size: number;
  /** How many messages a hostile sender sends. */
  readonly messages: number;
  /** Where chance comes from. */
  readonly random: Random;
  /** An empty folder, which is removed after the run. */
  readonly folder: string;
  /** The longest time that the run may take, in milliseconds. */
  readonly timeout: number;
}

/** Something that has to hold, time and again. */
export interface Scenario {
  /** For choosing it on the command line. */
  readonly name: string;
  /** What is done to the transfer. */
  readonly title: string;
  /** The ways in which it is done; every one is run. */
  readonly variants: readonly string[];
  /** How often each variant is run, unless said otherwise. */
  readonly times: number;
  /** Bytes of one upload, unless said otherwise. */
  readonly size: number;
  /** The longest time that one run may take, in milliseconds. */
  readonly timeout: number;
  /**
   * Does it once.
   *
   * @returns What was seen, in a few words.
   * @throws What did not hold.
   */
  run(run: SoakRun): Promise<string>;
}

/**
 * Fails the run where something does not hold.
 *
 * @param condition What has to hold.
 * @param words What was found, and what was wanted.
 * @throws {Error}
 */
export function hold(condition: boolean, words: string): asserts condition {
  if (!condition) throw new Error(words);
}
