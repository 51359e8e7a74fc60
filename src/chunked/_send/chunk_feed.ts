/**
 * A source as a sequence of chunks with their headers, hashed on the way.
 *
 * @module
 */
import type { MsgHdrs } from "@nats-io/nats-core";
import type { Sha256 } from "../../_digest.ts";
import type { PayloadSource } from "../../_payload_source.ts";
import { ReceiverError, ResumeError } from "../../errors.ts";
import { lengthAt } from "../_format/chunk_shape.ts";
import type { ChunkFeed, OutgoingChunk } from "./delivery.ts";
import { ChunkHeader, type UploadMetadata, writeChunkHeaders } from "../_format/headers.ts";
import { PrefixHash } from "./prefix_hash.ts";

/** Headers of the sender's own, name by name. */
export type OwnHeaders = readonly (readonly [name: string, values: readonly string[]])[];

/** What an earlier call knew of the payload, for comparison. */
export interface KnownPayload {
  /** So many chunks … */
  readonly confirmedChunks: number;
  /** … had this digest. */
  readonly digest?: string;
  /** And the whole had this one. */
  readonly payloadDigest?: string;
}

/** How many chunks that are still needed are passed over in the search for those that are not. */
const MOST_PASSED = 1_000;
/** Bytes in memory are hashed without a wait: after so many, everybody else gets a turn. */
const BREATHE_AFTER_BYTES = 8 * 1024 * 1024;

/** Cuts one source. The digest goes on the last chunk, where every byte has been seen. */
export class SourceFeed implements ChunkFeed {
  readonly chunkSize: number;
  readonly #source: PayloadSource;
  readonly #metadata: UploadMetadata;
  readonly #own: OwnHeaders;
  readonly #hash: PrefixHash | undefined;
  readonly #known: KnownPayload | undefined;
  /** What was read and may be asked for (again), and how often it was given out. */
  readonly #kept = new Map<number, { readonly data: Uint8Array; given: number }>();
  /** The chunk that is read next for the first time. */
  #next = 0;
  #digest: string | undefined;
  #isKnownBeforehand = false;
  #keeps = false;
  #unbroken = 0;

  /**
   * @param hash `undefined` where no digest is wanted.
   * @param known What the source is compared with while it is read.
   */
  constructor(
    source: PayloadSource,
    metadata: UploadMetadata,
    chunkSize: number,
    own: OwnHeaders,
    hash: Sha256 | undefined,
    known?: KnownPayload,
  ) {
    this.chunkSize = chunkSize;
    this.#source = source;
    this.#metadata = metadata;
    this.#own = own;
    this.#hash = hash && new PrefixHash(hash);
    this.#known = known;
  }

  get uploadId(): string {
    return this.#metadata.uploadId;
  }

  get chunkCount(): number {
    return this.#metadata.chunkCount;
  }

  get isSeekable(): boolean {
    return this.#source.isSeekable;
  }

  /** The digest of all bytes, once the last chunk was read. */
  get digest(): string | undefined {
    return this.#digest;
  }

  sizeOf(index: number): number {
    const { chunkCount, totalSize } = this.#metadata;
    return lengthAt({ index, chunkCount, totalSize }, this.chunkSize);
  }

  describe(): MsgHdrs {
    return this.#headers(0);
  }

  isAtHand(index: number): boolean {
    return this.#source.isLocal || this.#kept.has(index);
  }

  async load(index: number): Promise<void> {
    if (!this.#keeps) this.#kept.clear(); // another one was wanted
    this.#kept.set(index, { data: await this.#read(index), given: 0 });
  }

  async read(index: number): Promise<OutgoingChunk> {
    const chunk = this.#kept.get(index) ?? { data: await this.#read(index), given: 0 };
    chunk.given++;
    if (this.#keeps) this.#kept.set(index, chunk);
    else this.#kept.delete(index);
    const headers = this.#headers(index);
    if (this.#digest !== undefined && (this.#isKnownBeforehand || index === this.chunkCount - 1)) {
      headers.set(ChunkHeader.digest, this.#digest);
    }
    return { data: chunk.data, headers };
  }

  recycle(data: Uint8Array): void {
    this.#source.recycle(data);
  }

  keep(): boolean {
    return this.#keeps = !this.#source.isLocal;
  }

  release(isDone: (index: number) => boolean, isOwn: boolean): void {
    let passed = 0;
    for (const [index, { data, given }] of this.#kept) {
      if (isDone(index)) {
        this.#kept.delete(index);
        // Of what was sent twice, the second copy may still be waiting to be written.
        if (given === 1 && isOwn) this.recycle(data);
      } else if (++passed > MOST_PASSED) return;
    }
  }

  async readUpTo(count: number): Promise<void> {
    while (this.#next < count) {
      this.#unbroken += this.sizeOf(this.#next);
      await this.#readNext();
      if (this.#unbroken < BREATHE_AFTER_BYTES) continue;
      this.#unbroken = 0;
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  }

  async hashAll(): Promise<boolean> {
    if (!this.#hash || !this.isSeekable) return false;
    await this.readUpTo(this.chunkCount);
    this.#isKnownBeforehand = true;
    return true;
  }

  /** So many chunks, `chunks` at most, from the first one on, with their digest where there is one. */
  prefix(chunks: number): { readonly chunks: number; readonly digest?: string } {
    return this.#hash?.before(chunks) ?? { chunks };
  }

  /** So many chunks are where they belong: no less will be asked for as a {@linkcode SourceFeed.prefix}. */
  confirmed(chunks: number): void {
    this.#hash?.forgetBelow(chunks);
  }

  async #read(index: number): Promise<Uint8Array> {
    if (index < this.#next) {
      if (this.isSeekable) return await this.#source.read(...this.#range(index));
      const message = `chunk ${index} is needed again, and the source cannot be read twice`;
      throw new ReceiverError("restarted", message);
    }
    // What lies between is where it belongs already: it only has to be hashed.
    await this.readUpTo(index);
    return await this.#readNext();
  }

  async #readNext(): Promise<Uint8Array> {
    const got = this.#source.read(...this.#range(this.#next));
    const data = got instanceof Uint8Array ? got : await got;
    if (this.#next === this.chunkCount - 1) await this.#source.expectEnd();
    this.#hash?.update(data);
    this.#next++;
    this.#compare();
    return data;
  }

  /** Refuses a source that is not the one that the upload began with. */
  #compare(): void {
    if (!this.#hash) return;
    const { confirmedChunks = 0, digest, payloadDigest } = this.#known ?? {};
    if (this.#next === this.chunkCount) {
      this.#digest = this.#hash.digest();
      this.#require("the payload's digest", payloadDigest, this.#digest);
    }
    if (confirmedChunks > 0 && this.#next === confirmedChunks) {
      this.#require(
        `the digest of its first ${confirmedChunks} chunks`,
        digest,
        this.#hash.digest(),
      );
    }
  }

  #require(what: string, expected: string | undefined, actual: string): void {
    if (expected === undefined || expected === actual) return;
    const message = `the source has changed: ${what} is ${actual}, it was ${expected}`;
    throw new ResumeError(this.uploadId, "changed", message, { expected, actual });
  }

  #range(index: number): [start: number, end: number] {
    const start = index * this.chunkSize;
    return [start, start + this.sizeOf(index)];
  }

  #headers(index: number): MsgHdrs {
    const headers = writeChunkHeaders(this.#metadata, index, this.#own);
    if (this.#hash && index === 0) headers.set(ChunkHeader.digestFollows, "SHA-256");
    return headers;
  }
}
