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
  /** Whether every chunk can be read again; otherwise only what is kept. */
  readonly isSeekable: boolean;
  /** The length in bytes of the chunk at `index`. */
  sizeOf(index: number): number;
  /** The headers of chunk 0 without a digest: what an ask tells about the upload before any byte is read. */
  describe(): MsgHdrs;
  /** Whether {@linkcode ChunkFeed.read} has the chunk without waiting for somebody who may take long. */
  isAtHand(index: number): boolean;
  /** Reads the chunk at `index`, so that it is at hand. One at a time. */
  load(index: number): Promise<void>;
  /**
   * Reads the chunk at `index`. Those before it that were never read are read and hashed too; repeats may ask for any
   * that the source gives again, or that is kept.
   */
  read(index: number): Promise<OutgoingChunk>;
  /** The bytes of a chunk that was sent once are where they belong: they may be overwritten. */
  recycle(data: Uint8Array): void;
  /** From now on, chunks are kept until they are released; `false` where they are in memory anyway. */
  keep(): boolean;
  /**
   * Lets go of kept chunks of which `isDone` is true: they are where they belong.
   *
   * @param isOwn Whether they are there because this call sent them, and nobody else.
   */
  release(isDone: (index: number) => boolean, isOwn: boolean): void;
  /** Reads and hashes the first `count` chunks, as far as they were not read yet. */
  readUpTo(count: number): Promise<void>;
  /**
   * Reads and hashes everything, so that every chunk that is read from then on carries the digest.
   *
   * @returns Whether there is a digest; `false` where none is wanted, or nothing could be read again.
   */
  hashAll(): Promise<boolean>;
}

/** Where a stream has put a chunk. */
export interface StoredChunk {
  readonly stream: string;
  readonly sequence: number;
}

/** What a delivery works with. */
export interface Delivery {
  /** What was asked for: the subject of all chunks, or the beginning of theirs. */
  readonly subject: string;
  /** The subject of the chunk at `index`. */
  readonly subjectOf: (index: number) => string;
  readonly feed: ChunkFeed;
  /** Bytes that may be under way at the same time. */
  readonly window: number;
  /** The longest time without progress, in milliseconds. */
  readonly timeout: number;
  /** Ends the delivery with the signal's reason. */
  readonly signal: AbortSignal | undefined;
  /** How many chunks from the first one on were where they belong when an earlier call ended; `undefined` without one. */
  readonly resumedAt: number | undefined;
  /** Called when a chunk was sent for the first time. */
  readonly onSent: (index: number) => void;
  /** Called once per chunk, when it is known to be where it belongs: stored, or taken over by every receiver. */
  readonly onConfirmed: (index: number, stored?: StoredChunk) => void;
}

/** What a delivery has to say beyond having succeeded. */
export interface DeliveryReport {
  /** Whether somebody confirmed every chunk. */
  readonly confirmed: boolean;
  /** What the caller should know although the upload succeeded. */
  readonly warnings: string[];
}
