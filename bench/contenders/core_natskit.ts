/**
 * natskit over core NATS.
 *
 * @module
 */
import { assembleChunks, publishChunked } from "../../src/chunked/mod.ts";
import type { CoreContender } from "./core_contender.ts";

/** @param digest Whether both sides hash: a receiver does where the sender announces a digest. */
export function coreNatskit(digest: boolean): CoreContender {
  return {
    async send(nc, { subject, chunkSize }, payload) {
      await publishChunked(nc, subject, payload, { chunkSize, digest });
    },
    async receive(nc, { subject, size, chunkSize }) {
      const payloads = assembleChunks(nc.subscribe(subject), {
        connection: nc,
        maxUploadBytes: size,
        maxBufferedBytes: size,
        maxChunks: Math.ceil(size / chunkSize),
      });
      for await (const payload of payloads) {
        await payload.ack();
        return { data: payload.data, chunks: Math.ceil(payload.size / chunkSize) };
      }
      throw new Error("the connection was closed before the payload came");
    },
  };
}
