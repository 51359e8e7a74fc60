/** A payload in memory, cut into chunks as `publishChunked` cuts it. */
import { headers, type MsgHdrs } from "@nats-io/nats-core";
import type { ChunkFeed, Delivery, OutgoingChunk } from "../../src/chunked/_send/delivery.ts";

/** A feed that keeps count of what is read. */
export class MemoryFeed implements ChunkFeed {
  readonly uploadId: string;
  readonly chunkCount: number;
  /** The indices that were asked for, in order. */
  readonly reads: number[] = [];
  readonly #data: Uint8Array;
  readonly #chunkSize: number;

  constructor(
    data: Uint8Array,
    chunkSize: number,
    uploadId: string = crypto.randomUUID(),
  ) {
    this.#data = data;
    this.#chunkSize = chunkSize;
    this.uploadId = uploadId;
    this.chunkCount = Math.max(1, Math.ceil(data.length / chunkSize));
  }

  sizeOf(index: number): number {
    return this.#slice(index).length;
  }

  describe(): MsgHdrs {
    return this.#headers(0);
  }

  hashAll(): Promise<boolean> {
    return Promise.resolve(false);
  }

  readonly isSeekable = true;

  isAtHand(): boolean {
    return true;
  }

  load(): Promise<void> {
    return Promise.resolve();
  }

  recycle(): void {}

  keep(): boolean {
    return false;
  }

  release(): void {}

  async readUpTo(): Promise<void> {}

  read(index: number): Promise<OutgoingChunk> {
    this.reads.push(index);
    return Promise.resolve({ data: this.#slice(index), headers: this.#headers(index) });
  }

  #headers(index: number): MsgHdrs {
    const own = headers();
    own.set("X-Payload-Type", "chunked-upload");
    own.set("X-Chunked-Upload-Id", this.uploadId);
    own.set("X-Chunk-Index", String(index));
    own.set("X-Chunk-Count", String(this.chunkCount));
    own.set("X-Total-Size", String(this.#data.length));
    return own;
  }

  #slice(index: number): Uint8Array {
    return this.#data.subarray(index * this.#chunkSize, (index + 1) * this.#chunkSize);
  }
}

/** A payload whose bytes tell where they were, so that a chunk in the wrong place shows. */
export function countingBytes(size: number): Uint8Array {
  const data = new Uint8Array(size);
  const words = new Uint32Array(data.buffer, 0, size >> 2);
  for (let at = 0; at < words.length; at++) words[at] = Math.imul(at, 2_654_435_761);
  return data;
}

/** A delivery that records which chunks were sent and confirmed. */
export function deliveryOf(
  feed: ChunkFeed,
  subject: string,
  options: Partial<Delivery> = {},
): Delivery & { sent: number[]; confirmed: number[] } {
  const sent: number[] = [];
  const confirmed: number[] = [];
  return {
    subject,
    feed,
    window: 4 * 1024 * 1024,
    timeout: 20_000,
    signal: undefined,
    subjectOf: () => subject,
    resumedAt: undefined,
    onSent: (index) => void sent.push(index),
    onConfirmed: (index) => void confirmed.push(index),
    sent,
    confirmed,
    ...options,
  };
}
