/**
 * The process that sends.
 *
 * @module
 */
import process from "node:process";
import { jetstream } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/nats-core";
import {
  ChunkedPublishError,
  connect,
  publishChunked,
  type PublishChunkedOptions,
} from "../mod.ts";
import { servePeer } from "../tools/serve_peer.ts";
import { generatedSource, generatedStream } from "./generated.ts";
import { everyHundredth, note } from "./journal.ts";
import { type MemoryReport, watchMemory } from "./memory.ts";
import type { Place } from "./place.ts";

/** What is to be sent. */
export interface SendInput {
  /** Where to. */
  place: Place;
  /** How many bytes of the generated payload. */
  size: number;
  /** Whether the source can be read once, or from any place. */
  from: "stream" | "source";
  /** Where to write how far it is. */
  journal: string;
  /** What `publishChunked` is told. */
  options: Pick<
    PublishChunkedOptions,
    "filename" | "chunkSize" | "window" | "timeout" | "uploadId" | "resume"
  >;
}

/** What became of it. */
export interface SendResult {
  /** How long it took, in milliseconds. */
  ms: number;
  /** What went wrong; absent where nothing did. */
  error?: { name: string; message: string; cause: string; reason: string | undefined };
  /** The SHA-256 of what the stream gave, in hexadecimal, where it was a stream. */
  made?: string;
  /** Bytes that this call put on the wire, repeats and headers included. */
  wireBytes: number;
  /** What `ChunkedPublishError` hands out. */
  token?: unknown;
}

let nc: NatsConnection;
let memory: () => MemoryReport;

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : String(error);
}

servePeer({
  async open({ url }: { url: string }) {
    memory = watchMemory();
    nc = await connect({ servers: url, name: "soak sender", reconnectWait: 100 });
    return process.pid;
  },

  memory: () => memory(),

  async send({ place, size, from, journal, options }: SendInput): Promise<SendResult> {
    const target = place.kind === "core" ? nc : jetstream(nc);
    const stream = from === "stream" ? generatedStream(size) : undefined;
    const source = stream?.stream ?? generatedSource(size, "generated.bin");
    const write = everyHundredth(size, (bytes, more: { uploadId: string; token: unknown }) => {
      note(journal, { event: "confirmed", bytes, ...more });
    });
    const before = nc.stats().outBytes;
    const startedAt = performance.now();
    const result = (): SendResult => {
      const made = stream?.made.digest;
      const wireBytes = nc.stats().outBytes - before;
      return { ms: performance.now() - startedAt, wireBytes, ...(made !== undefined && { made }) };
    };
    try {
      await publishChunked(target, place.subject, source, {
        ...options,
        ...(stream && { size }),
        ...(place.kind === "per-chunk" && { layout: "per-chunk" }),
        onProgress(progress) {
          const { uploadId, confirmedBytes, resumeToken } = progress;
          if (confirmedBytes > 0) write(confirmedBytes, { uploadId, token: resumeToken });
        },
      });
      return result();
    } catch (error) {
      if (!(error instanceof ChunkedPublishError)) throw error;
      const { name, message, cause } = error;
      const reason = (cause as { reason?: string } | undefined)?.reason;
      const told = { name, message, cause: nameOf(cause), reason };
      return { ...result(), error: told, token: error.resumeToken };
    }
  },
});
