/**
 * natskit from file to file.
 *
 * @module
 */
import { publishChunked, receiveChunked } from "../../src/chunked/mod.ts";
import { fileSink, fileSource } from "../../tools/files.ts";
import type { FilesContender } from "./files_contender.ts";

/** `fileSource` into `publishChunked`, `receiveChunked` into `fileSink`. */
export const filesNatskit: FilesContender = {
  async send(nc, { subject, path, chunkSize }) {
    await publishChunked(nc, subject, fileSource(path), { chunkSize });
  },
  async receive(nc, { subject, folder }) {
    const sink = fileSink(folder);
    const handled = Promise.withResolvers<void>();
    const receiver = await receiveChunked({ nc, subject }, async (stream, context) => {
      await sink(stream, context);
      handled.resolve();
    }, { onRejected: ({ message }) => handled.reject(new Error(message)) });
    return { done: handled.promise.then(() => receiver.stop()) };
  },
};
