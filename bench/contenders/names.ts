/**
 * What the contenders are called, in the tables and between the processes.
 *
 * @module
 */

/** Over core NATS. */
export const CORE = {
  natskit: "natskit",
  natskitUnhashed: "natskit, digest: false",
  creditLoop: "credit loop",
  creditLoopHashed: "credit loop with SHA-256",
  oneByOne: "one chunk at a time",
  obviousLoop: "obvious loop",
} as const;

/** Into a stream. */
export const JETSTREAM = {
  natskit: "natskit",
  natskitUnhashed: "natskit, digest: false",
  bareLoop: "bare loop",
  bareLoopHashed: "bare loop with SHA-256",
  oneByOne: "one chunk at a time",
} as const;

/** From file to file. */
export const FILES = {
  natskit: "natskit",
  creditLoop: "credit loop with SHA-256",
} as const;
