/**
 * The process that receives into a folder.
 *
 * @module
 */
import process from "node:process";
import type { NatsConnection } from "@nats-io/nats-core";
import { type ChunkedReceiver, connect, receiveChunked } from "../mod.ts";
import type { UploadContext } from "../src/_upload.ts";
import { servePeer } from "../tools/serve_peer.ts";
import { fileSink } from "../tools/files.ts";
import { everyHundredth, note } from "./journal.ts";
import { type MemoryReport, watchMemory } from "./memory.ts";
import type { Place } from "./place.ts";
import { throttle } from "./throttle.ts";

/** How it is received. */
export interface ReceiveInput {
  /** Where from. */
  place: Place;
  /** Where the files go. */
  folder: string;
  /** Where to write what happens. */
  journal: string;
  /** The most bytes a second that the sink takes; as many as it can where absent. */
  rate?: number;
  /** Whether the process dies when a handler has resolved, before anybody can be told. */
  diesHandled?: boolean;
}

const MOST_REJECTIONS = 100;

let nc: NatsConnection;
let memory: () => MemoryReport;
let receiver: ChunkedReceiver;

/** Tells how many bytes went through. */
function counted(
  stream: ReadableStream<Uint8Array>,
  onBytes: (bytes: number) => void,
): ReadableStream<Uint8Array> {
  let bytes = 0;
  const count = new TransformStream<Uint8Array, Uint8Array>(
    {
      transform(piece, controller) {
        bytes += piece.length;
        onBytes(bytes);
        controller.enqueue(piece);
      },
    },
    { highWaterMark: 1 },
    { highWaterMark: 0 },
  );
  return stream.pipeThrough(count);
}

/** Dies as soon as whoever awaits the handler could know that it has resolved; nothing is on the wire yet. */
function dieHandled(): void {
  queueMicrotask(() => queueMicrotask(() => process.kill(process.pid, "SIGKILL")));
}

servePeer({
  async open({ url }: { url: string }) {
    memory = watchMemory();
    nc = await connect({ servers: url, name: "soak receiver", reconnectWait: 100 });
    return process.pid;
  },

  memory: () => memory(),

  /** Resolves when messages can come. */
  async receive({ place, folder, journal, rate, diesHandled }: ReceiveInput) {
    const sink = fileSink(folder);
    const handler = async (stream: ReadableStream<Uint8Array>, context: UploadContext) => {
      const { uploadId, size } = context;
      note(journal, { event: "begin", uploadId });
      const write = everyHundredth(
        size,
        (bytes) => note(journal, { event: "bytes", uploadId, bytes }),
      );
      const paced = rate === undefined ? stream : stream.pipeThrough(throttle(rate));
      await sink(counted(paced, (bytes) => write(bytes, undefined)), context);
      note(journal, { event: "end", uploadId });
      if (diesHandled) dieHandled();
    };
    const { kind, subject, stream, consumer } = place;
    const source = kind === "core" ? { nc, subject } : { nc, stream: stream!, consumer: consumer! };
    let rejections = 0;
    receiver = await receiveChunked(source, handler, {
      onRejected({ uploadId = "", reason, message }) {
        if (++rejections > MOST_REJECTIONS) return;
        note(journal, { event: "rejected", uploadId, words: `${reason}: ${message}` });
      },
    });
    receiver.closed.catch((error) => {
      note(journal, { event: "rejected", uploadId: "", words: `receiving ended: ${error}` });
    });
  },

  stop: () => receiver.stop(),
});
