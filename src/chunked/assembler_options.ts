/**
 * What an assembler is bounded by.
 *
 * @module
 */
import type { NatsConnection } from "@nats-io/nats-core";
import { describe, requireFunction, requireKnownKeys, requirePositive } from "../_require.ts";
import type { RejectedEvent } from "./rejected_event.ts";

/** The bounds of an assembler. Sizes in bytes, times in milliseconds. */
export interface AssemblerOptions {
  /**
   * The largest upload that is taken.
   * @default {104_857_600} 100 MiB
   */
  maxUploadBytes?: number;
  /**
   * The most chunks that one upload may have. A consumer must allow more unacknowledged messages (`max_ack_pending`,
   * 1,000 by default) than the uploads in assembly have chunks, or they wait for each other until `idleTimeout`.
   * @default {2_000}
   */
  maxChunks?: number;
  /**
   * The most uploads at the same time, those included that are whole and not acknowledged yet.
   * @default {100}
   */
  maxUploads?: number;
  /**
   * The most bytes of all uploads together: their declared sizes, reserved when the first chunk of each comes.
   * @default {524_288_000} 500 MiB
   */
  maxBufferedBytes?: number;
  /**
   * An upload that gets no chunk for so long is given up.
   * @default {600_000} ten minutes
   */
  idleTimeout?: number;
  /** Told of everything that is refused. What it throws is ignored. */
  onRejected?: (event: RejectedEvent) => void;
  /**
   * The connection that the messages come from. With it, all receivers on that connection share one inbound budget of
   * 32 MiB; without it, each has 32 MiB of its own.
   */
  connection?: NatsConnection;
}

/** The options with their defaults. */
export type CheckedAssemblerOptions =
  & Required<Omit<AssemblerOptions, "onRejected" | "connection">>
  & Pick<AssemblerOptions, "onRejected" | "connection">;

const KEYS: readonly (keyof AssemblerOptions)[] = [
  "maxUploadBytes",
  "maxChunks",
  "maxUploads",
  "maxBufferedBytes",
  "idleTimeout",
  "onRejected",
  "connection",
];

const MiB = 1024 * 1024;

/** Checks the options and fills in the defaults. */
export function checkAssemblerOptions(options: AssemblerOptions): CheckedAssemblerOptions {
  requireKnownKeys("options", options, KEYS);
  const {
    maxUploadBytes = 100 * MiB,
    maxChunks = 2_000,
    maxUploads = 100,
    maxBufferedBytes = 500 * MiB,
    idleTimeout = 10 * 60_000,
    onRejected,
    connection,
  } = options;
  const bounds = { maxUploadBytes, maxChunks, maxUploads, maxBufferedBytes, idleTimeout };
  for (const [name, value] of Object.entries(bounds)) requirePositive(name, value);
  if (connection !== undefined && typeof connection?.isClosed !== "function") {
    throw new TypeError(`connection is ${describe(connection)}, wanted is a NATS connection`);
  }
  if (onRejected !== undefined) requireFunction("onRejected", onRejected);
  return { ...bounds, ...(onRejected && { onRejected }), ...(connection && { connection }) };
}
