/**
 * What the ways from file to file have in common.
 *
 * @module
 */
import type { NatsConnection } from "@nats-io/nats-core";

/** One upload. */
export interface FileTransfer {
  /** The subject of all chunks. */
  readonly subject: string;
  /** The file that is sent. */
  readonly path: string;
  /** The folder that it is received into, under the same name. */
  readonly folder: string;
  /** The size of every chunk but the last. */
  readonly chunkSize: number;
}

/** A way to get a file from one process to another over core NATS, in constant memory. */
export interface FilesContender {
  /** Sends it; resolves when it knows that the whole file is there. */
  send(nc: NatsConnection, transfer: FileTransfer): Promise<void>;
  /** Resolves when it can be sent to; `done` resolves when the file is on the disk under its name. */
  receive(nc: NatsConnection, transfer: FileTransfer): Promise<{ done: Promise<void> }>;
}
