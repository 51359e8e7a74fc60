/**
 * {@linkcode connect} for Bun, which runs the official Node transport, and files as sources and sinks: the same as
 * those of `natskit/node`.
 *
 * @example Connect on Bun
 * ```ts
 * import { connect } from "natskit/bun";
 * import { startNatsServer } from "natskit/testing";
 *
 * await using server = await startNatsServer();
 * await using nc = await connect({ servers: server.url, name: "greeter" });
 * nc.publish("greetings", "hello");
 * ```
 *
 * @module
 */
export { connect } from "./node.ts";
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
