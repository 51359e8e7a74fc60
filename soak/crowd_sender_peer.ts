/**
 * The process that sends many uploads at the same time.
 *
 * @module
 */
import process from "node:process";
import { jetstream } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/nats-core";
import { connect, publishChunked } from "../mod.ts";
import { now } from "../tools/demo/now.ts";
import { servePeer } from "../tools/serve_peer.ts";
import { generatedSource } from "./generated.ts";
import { type MemoryReport, watchMemory } from "./memory.ts";
import type { Place } from "./place.ts";

/** What is to be sent. */
export interface CrowdInput {
  /** Where to. */
  place: Place;
  /** How many uploads, all at the same time. */
  count: number;
  /** Bytes of each. */
  size: number;
  /** Bytes of a chunk. */
  chunkSize: number;
}

let nc: NatsConnection;
let memory: () => MemoryReport;

servePeer({
  async open({ url }: { url: string }) {
    memory = watchMemory();
    nc = await connect({ servers: url, name: "soak sender", reconnectWait: 100 });
    return process.pid;
  },

  memory: () => memory(),

  /** Upload 0 begins with the first byte of the generated payload, upload 1 where 0 ends, and so on. */
  async send({ place, count, size, chunkSize }: CrowdInput) {
    const target = place.kind === "core" ? nc : jetstream(nc);
    const startedAt = now();
    await Promise.all(Array.from({ length: count }, (_, number) => {
      const source = generatedSource(size, `${number}`, number * size);
      return publishChunked(target, place.subject, source, {
        chunkSize,
        filename: `${number}`,
        ...(place.kind === "per-chunk" && { layout: "per-chunk" }),
      });
    }));
    return { startedAt, endedAt: now() };
  },
});
