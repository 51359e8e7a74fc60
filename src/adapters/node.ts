/**
 * {@linkcode connect} for Node, over the official Node transport, and files as sources and sinks.
 *
 * @module
 */
import type { NatsConnection } from "@nats-io/nats-core";
import { connect as connectTcp, errors } from "@nats-io/transport-node";
import type { ConnectOptions } from "../connect/connect_options.ts";
import { openConnection } from "../connect/_open.ts";
import { makeAbortable } from "./_abortable_dial.ts";

export type { ConnectOptions } from "../connect/connect_options.ts";
export { fileSink, type FileSinkOptions, type StoredFile } from "./files/file_sink.ts";
export { fileSource, type FileSourceOptions } from "./files/file_source.ts";
export type { SeekableSource } from "../_source.ts";
export type { UploadContext, UploadHandler } from "../_upload.ts";
export {
  ConnectError,
  type ConnectFailure,
  CoreMismatchError,
  FileChangedError,
  FileExistsError,
  PermanentError,
  TransportConflictError,
  UploadTakenOverError,
  WrongFileTypeError,
} from "../errors.ts";

/**
 * Connects to a NATS server on Node: the same as `connect` of the main entry, without detecting the runtime.
 *
 * @param options Servers, login, time limits and reconnecting; all of it may be left out.
 * @returns The connection, logged in and ready.
 * @throws {ConnectError} When no server could be reached in time, or the login was refused.
 * @throws {TransportConflictError} When this process already connects over a WebSocket, or is asked to.
 * @throws {CoreMismatchError} When the transport belongs to another copy of nats-core than natskit's.
 * @throws {TypeError | RangeError} When an option is unknown, incomplete or out of range; nothing was sent then.
 *
 * @example Connect on Node
 * ```ts
 * import { connect } from "natskit/node";
 * import { startNatsServer } from "natskit/testing";
 *
 * await using server = await startNatsServer();
 * await using nc = await connect({ servers: server.url, name: "greeter" });
 * nc.publish("greetings", "hello");
 * ```
 */
export function connect(options: ConnectOptions = {}): Promise<NatsConnection> {
  return openConnection(options, { connect: connectTcp, errors, makeAbortable });
}
