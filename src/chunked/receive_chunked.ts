/**
 * The streaming receiver: each upload goes into a handler while it arrives.
 *
 * @module
 */
import { requireFunction } from "../_require.ts";
import type { UploadHandler } from "../_upload.ts";
import type { ChunkedReceiver } from "./chunked_receiver.ts";
import { receiveFromSubject, receiveFromSubscription } from "./_receive/receive_core.ts";
import { receiveFromStream } from "./_receive_stream/receive_stream.ts";
import {
  checkChunkSource,
  checkReceiveOptions,
  type ChunkSource,
  type ReceiveChunkedOptions,
} from "./receive_options.ts";

/**
 * Receives uploads of any size, each as a stream of bytes in order, without ever holding more of all of them than 32 MiB.
 * A handler that reads slowly slows its sender down. Whatever a stranger sends, other uploads are not harmed, and the
 * receiver goes on; `onRejected` hears of it.
 *
 * Nothing is final before the handler has resolved. Then the sender hears `complete` (core NATS), or the upload is
 * acknowledged (JetStream). The stream ends only after every byte came and the digest, where one was announced, is
 * right; otherwise it errors, and what the handler has written is to be thrown away. A handler that throws has refused
 * the upload: over core NATS its sender is told so, over JetStream it comes again later, unless what was thrown is a
 * `PermanentError`. A handler that returns early, or cancels the stream, has handled the upload once the rest has come
 * and is right.
 *
 * Over core NATS every plain receiver of the subject gets every upload, and one whose process ends in the middle gets it
 * from byte 0 again. The members of a queue group can only take uploads of a single chunk. Senders that are not natskit
 * wait for nobody: their uploads are refused (`full`) when they come faster than the handler takes them.
 *
 * Give handlers that may hang a `handlerTimeout`: what waits for them stays in the 32 MiB that all uploads share.
 *
 * @param source A subject, a consumer, or a subscription of core NATS.
 * @param handler Takes in one upload. Several run at the same time, up to `maxUploads`.
 * @param options The bounds. All have defaults.
 * @returns The running receiver, when the server knows of the subscription, or the consumer was found.
 * @throws {TypeError | RangeError} An argument is not what it should be, or cannot be honoured with this source.
 * @throws {ConnectionClosedError} The connection is closed.
 * @throws {NoProgressError} The server did not confirm the subscription within 30 s.
 * @throws The reason of `signal`, if it aborts before the receiver runs.
 *
 * @example Take files off a subject, whatever their size
 * ```ts
 * import { connect, publishChunked, receiveChunked } from "@natskit/natskit";
 *
 * const nc = await connect();
 * const receiver = await receiveChunked({ nc, subject: "files" }, async (stream, upload) => {
 *   let bytes = 0;
 *   for await (const chunk of stream) bytes += chunk.length; // write it somewhere
 *   console.log(upload.filename, bytes, upload.size);
 * });
 *
 * const receipt = await publishChunked(nc, "files", new Uint8Array(5_000_000), {
 *   filename: "zeros",
 * });
 * console.log(receipt.confirmed); // the handler has resolved
 * await receiver.stop();
 * await nc.close();
 * ```
 */
export async function receiveChunked(
  source: ChunkSource,
  handler: UploadHandler,
  options: ReceiveChunkedOptions = {},
): Promise<ChunkedReceiver> {
  const checked = checkChunkSource(source);
  requireFunction("handler", handler);
  const bounds = checkReceiveOptions(checked.type, options);
  switch (checked.type) {
    case "subject":
      return await receiveFromSubject(checked.source, handler, bounds);
    case "subscription":
      return await receiveFromSubscription(checked.source, handler, bounds);
    case "consumer":
      return await receiveFromStream(checked.source, handler, bounds);
  }
}
