/**
 * A source as a sequence of chunks with their headers, hashed on the way.
 *
 * @module
 */
import type { MsgHdrs } from "@nats-io/nats-core";
import { formatDigest, type Sha256 } from "../_digest.ts";
import type { RangeSource } from "../_source.ts";
import { lengthAt } from "./_chunk_shape.ts";
import type { ChunkFeed, OutgoingChunk } from "./_delivery.ts";
import { ChunkHeader, type UploadMetadata, writeChunkHeaders } from "./_headers.ts";

/** Headers of the sender's own, name by name. */
export type OwnHeaders = readonly (readonly [name: string, values: readonly string[]])[];

/** Cuts one source. The digest goes on the last chunk, where every byte has been seen. */
export class SourceFeed implements ChunkFeed {
  readonly #source: RangeSource;
  readonly #metadata: UploadMetadata;
  readonly #chunkSize: number;
  readonly #own: OwnHeaders;
  readonly #hash: Sha256 | undefined;
  #hashed = 0;
  #digest: string | undefined;
  #isKnownBeforehand = false;

  /** @param hash `undefined` where no digest is wanted. */
  constructor(
    source: RangeSource,
    metadata: UploadMetadata,
    chunkSize: number,
    own: OwnHeaders,
    hash: Sha256 | undefined,
  ) {
    this.#source = source;
    this.#metadata = metadata;
    this.#chunkSize = chunkSize;
    this.#own = own;
    this.#hash = hash;
  }

  get uploadId(): string {
    return this.#metadata.uploadId;
  }

  get chunkCount(): number {
    return this.#metadata.chunkCount;
  }

  /** The digest of all bytes, once the last chunk was read. */
  get digest(): string | undefined {
    return this.#digest;
  }

  sizeOf(index: number): number {
    const { chunkCount, totalSize } = this.#metadata;
    return lengthAt({ index, chunkCount, totalSize }, this.#chunkSize);
  }

  describe(): MsgHdrs {
    return this.#headers(0);
  }

  async read(index: number): Promise<OutgoingChunk> {
    const size = this.sizeOf(index);
    const start = index * this.#chunkSize;
    const data = await this.#source.read(start, start + size);
    if (data.length !== size) {
      throw new Error(
        `the source gave ${data.length} bytes at ${start}, its size of ${this.#source.size} says ${size}`,
      );
    }
    if (this.#hash && index === this.#hashed) {
      this.#hash.update(data);
      this.#hashed++;
      if (this.#hashed === this.chunkCount) this.#digest = formatDigest(this.#hash.digest());
    }
    const headers = this.#headers(index);
    if (this.#digest !== undefined && (this.#isKnownBeforehand || index === this.chunkCount - 1)) {
      headers.set(ChunkHeader.digest, this.#digest);
    }
    return { data, headers };
  }

  async hashAll(): Promise<boolean> {
    if (!this.#hash) return false;
    while (this.#hashed < this.chunkCount) await this.read(this.#hashed);
    this.#isKnownBeforehand = true;
    return true;
  }

  #headers(index: number): MsgHdrs {
    const headers = writeChunkHeaders(this.#metadata, index, this.#own);
    if (this.#hash && index === 0) headers.set(ChunkHeader.digestFollows, "SHA-256");
    return headers;
  }
}
