/**
 * {@linkcode connect} for Deno, over the official Deno transport, and files as sources and sinks.
 *
 * @module
 */
import type { NatsConnection } from "@nats-io/nats-core";
import { connect as connectTcp, errors } from "@nats-io/transport-deno";
import type { ConnectOptions } from "../connect/connect_options.ts";
import type { Transport } from "../connect/_dial.ts";
import { openConnection } from "../connect/_open.ts";

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
 * Connects to a NATS server on Deno: the same as `connect` of the main entry, without detecting the runtime.
 *
 * @param options Servers, login, time limits and reconnecting; all of it may be left out.
 * @returns The connection, logged in and ready.
 * @throws {ConnectError} When no server could be reached in time, or the login was refused.
 * @throws {TransportConflictError} When this process already connects over a WebSocket, or is asked to.
 * @throws {CoreMismatchError} When the transport belongs to another copy of nats-core than natskit's.
 * @throws {TypeError | RangeError} When an option is unknown, incomplete or out of range; nothing was sent then.
 *
 * @example Connect on Deno
 * ```ts
 * import { connect } from "@natskit/natskit/deno";
 * import { startNatsServer } from "@natskit/natskit/testing";
 *
 * await using server = await startNatsServer();
 * await using nc = await connect({ servers: server.url, name: "greeter" });
 * nc.publish("greetings", "hello");
 * ```
 */
export function connect(options: ConnectOptions = {}): Promise<NatsConnection> {
  return openConnection(options, { connect: connectTcp, errors, makeAbortable });
}

/** transport-deno hands its server to `Deno.connect`, which takes a signal. */
function makeAbortable(transport: Transport, signal: AbortSignal): void {
  const connectTo = transport.connect.bind(transport);
  transport.connect = (server, options) =>
    connectTo({ ...server, signal } as typeof server, options);
}
