/**
 * What `publishChunked` hands to a delivery, and what it gets back. There are two: over JetStream, where every chunk is
 * stored and acknowledged, and over core NATS, where a receiver grants credit.
 *
 * @module
 */
import type { MsgHdrs } from "@nats-io/nats-core";

/** One chunk, ready to be published. */
export interface OutgoingChunk {
  /** The bytes of the chunk. */
  readonly data: Uint8Array;
  /** Every header of PROTOCOL section 1, the sender's own, and on the last chunk the digest; a fresh object each time. */
  readonly headers: MsgHdrs;
}

/** The payload, cut into chunks. */
export interface ChunkFeed {
  /** The upload's id, in lower-case hyphenated form. */
  readonly uploadId: string;
  /** How many chunks there are; at least one. */
  readonly chunkCount: number;
  /** The length in bytes of the chunk at `index`. */
  sizeOf(index: number): number;
  /** The headers of chunk 0 without a digest: what an ask tells about the upload before any byte is read. */
  describe(): MsgHdrs;
  /**
   * Reads the chunk at `index`. The first reading goes from 0 upwards without a gap, unless `hashAll` was called before;
   * repeats may ask for any.
   */
  read(index: number): Promise<OutgoingChunk>;
  /**
   * Reads and hashes everything, so that every chunk that is read from then on carries the digest.
   *
   * @returns Whether there is a digest; `false` where none is wanted.
   */
  hashAll(): Promise<boolean>;
}

/** What a delivery works with. */
export interface Delivery {
  readonly subject: string;
  readonly feed: ChunkFeed;
  /** Bytes that may be under way at the same time. */
  readonly window: number;
  /** The longest time without progress, in milliseconds. */
  readonly timeout: number;
  /** Ends the delivery with the signal's reason. */
  readonly signal: AbortSignal | undefined;
  /** Called when a chunk was sent for the first time. */
  readonly onSent: (index: number) => void;
  /** Called once per chunk, when it is known to be where it belongs: stored, or taken over by every receiver. */
  readonly onConfirmed: (index: number) => void;
}

/** What a delivery has to say beyond having succeeded. */
export interface DeliveryReport {
  /** Whether somebody confirmed every chunk. */
  readonly confirmed: boolean;
  /** What the caller should know although the upload succeeded. */
  readonly warnings: string[];
}
