/**
 * The assembler's table of uploads: admission, limits, assembly. A state machine without clock or I/O: chunks and the
 * time go in, verdicts come out, and whoever calls acts on them.
 *
 * @module
 */
import type { MsgHdrs } from "@nats-io/nats-core";
import { formatDigest, type Sha256 } from "../../_digest.ts";
import { chunkSizeFrom } from "../_format/chunk_shape.ts";
import { conflict, type Refusal, tooLarge, wrongDigest, wrongLength } from "../_format/conflict.ts";
import type { CreditedUpload } from "../_intake/crediting.ts";
import { longestIdle } from "../_intake/eviction.ts";
import type { ChunkInfo } from "../_format/headers.ts";
import { PayloadStore } from "./payload_store.ts";

/** The bounds of the table. Sizes in bytes, times in milliseconds. */
export interface TableLimits {
  readonly maxUploadBytes: number;
  readonly maxChunks: number;
  readonly maxUploads: number;
  readonly maxBufferedBytes: number;
  readonly idleTimeout: number;
}

/** An upload that is being assembled, or that is whole and not settled yet. */
export interface Upload<Held> {
  readonly info: ChunkInfo;
  readonly chunkSize: number;
  /** All headers of the first chunk that was seen. */
  readonly headers: MsgHdrs;
  readonly store: PayloadStore;
  /** The messages that are to be settled together with the payload. */
  readonly held: Held[];
  digest: string | undefined;
  /** When its last chunk came. */
  heardAt: number;
  /** Whether all of it is here. */
  whole: boolean;
}

/** What became of a chunk. */
export type Verdict<Held> =
  | { readonly type: "accepted"; readonly upload: Upload<Held> }
  | { readonly type: "duplicate"; readonly upload: Upload<Held> }
  | {
    readonly type: "whole";
    readonly upload: Upload<Held>;
    readonly data: Uint8Array;
    /** `undefined` where the sender announced none: it was not worth hashing then. */
    readonly digest: string | undefined;
  }
  | { readonly type: "corrupt"; readonly upload: Upload<Held>; readonly refusal: Refusal }
  | { readonly type: "refused"; readonly refusal: Refusal };

/** One chunk that nothing has followed for so long makes room for an upload of which more is known to be there. */
const BARREN_GIVES_WAY_AFTER_MS = 1_000;

/** @typeParam Held What the caller keeps of a message until the upload is settled. */
export class UploadTable<Held> {
  readonly #limits: TableLimits;
  readonly #startHash: () => Sha256;
  readonly #uploads = new Map<string, Upload<Held>>();
  #bufferedBytes = 0;

  constructor(limits: TableLimits, startHash: () => Sha256) {
    this.#limits = limits;
    this.#startHash = startHash;
  }

  /** The uploads that hold room. */
  get uploads(): ReadonlyMap<string, Upload<Held>> {
    return this.#uploads;
  }

  /** What the sender of an upload is credited with. */
  find(uploadId: string): CreditedUpload | undefined {
    const upload = this.#uploads.get(uploadId);
    if (!upload) return undefined;
    const { chunkSize, store, whole, heardAt } = upload;
    const { receivedBytes, next } = store;
    const gaps = (most: number): [number, number][] => store.gaps(most);
    return { chunkSize, receivedBytes, whole, heardAt, next, gaps };
  }

  /** Nothing: the whole upload got its place when it was admitted. */
  demandOf(): undefined {
    return undefined;
  }

  /** What can never be right, told from the metadata alone. */
  refusal(info: ChunkInfo): Refusal | undefined {
    const upload = this.#uploads.get(info.uploadId);
    if (upload) return conflict(upload, info);
    const { maxUploadBytes, maxChunks, maxBufferedBytes } = this.#limits;
    if (info.totalSize > maxUploadBytes) {
      return tooLarge(
        `the upload has ${info.totalSize} bytes, maxUploadBytes is ${maxUploadBytes}`,
      );
    }
    if (info.totalSize > maxBufferedBytes) {
      return tooLarge(
        `the upload has ${info.totalSize} bytes, maxBufferedBytes is ${maxBufferedBytes}`,
      );
    }
    if (info.chunkCount > maxChunks) {
      return tooLarge(`the upload has ${info.chunkCount} chunks, maxChunks is ${maxChunks}`);
    }
    return undefined;
  }

  /** Whether so many more uploads with so many bytes fit now. */
  fits(totalSize: number, uploads = 1): boolean {
    return this.#uploads.size + uploads <= this.#limits.maxUploads &&
      this.#bufferedBytes + totalSize <= this.#limits.maxBufferedBytes;
  }

  /**
   * Evicts uploads that sent nothing for five seconds, until `totalSize` more bytes fit: those of one chunk first, then
   * the longest idle. Evicts nothing where that would not be enough.
   *
   * @param idleSince Since when the upload has got nothing although something could have been sent.
   * @param claim Bytes of the newcomer that are known to be there: one chunk with fewer gives way after a second.
   */
  makeRoom(
    totalSize: number,
    now: number,
    idleSince: (upload: Upload<Held>) => number = ({ heardAt }) => heardAt,
    claim = 0,
  ): Upload<Held>[] {
    const unfinished = [...this.#uploads.values()].filter(({ whole }) => !whole);
    const barren = unfinished.filter(isBarren);
    const idle = longestIdle(unfinished, now, idleSince);
    const candidates = new Set([
      ...idle.filter(isBarren),
      ...barren.filter(({ store, heardAt }) =>
        store.receivedBytes < claim && now - heardAt >= BARREN_GIVES_WAY_AFTER_MS
      ),
      ...idle,
    ]);
    const evicted: Upload<Held>[] = [];
    let bytes = 0;
    for (const upload of candidates) {
      if (this.fits(totalSize - bytes, 1 - evicted.length)) break;
      evicted.push(upload);
      bytes += upload.info.totalSize;
    }
    if (!this.fits(totalSize - bytes, 1 - evicted.length)) return [];
    for (const upload of evicted) this.remove(upload);
    return evicted;
  }

  /** A chunk of an upload that has not ended, for which {@linkcode UploadTable.makeRoom} was called if it is new. */
  offer(
    info: ChunkInfo,
    data: Uint8Array,
    headers: MsgHdrs,
    held: Held | undefined,
    now: number,
  ): Verdict<Held> {
    const refusal = this.refusal(info);
    if (refusal) return { type: "refused", refusal };
    let upload = this.#uploads.get(info.uploadId);
    const shape = upload ?? this.#newShape(info, data.length);
    if ("reason" in shape) return { type: "refused", refusal: shape };
    const misfit = wrongLength(info, data.length, shape.chunkSize);
    if (misfit) return { type: "refused", refusal: misfit };
    try {
      upload ??= this.#admit(info, shape.chunkSize, headers, held !== undefined, now);
    } catch (error) {
      return { type: "refused", refusal: noMemory(info, error) };
    }

    upload.heardAt = now;
    if (upload.whole || upload.store.has(info.index)) return { type: "duplicate", upload };
    if (held !== undefined) upload.held.push(held);
    upload.digest ??= info.digest;
    upload.store.add(info.index, data);
    return upload.store.isComplete ? this.#complete(upload) : { type: "accepted", upload };
  }

  /** Uploads of which nothing came for `idleTimeout`; they are removed. */
  takeIdle(now: number): Upload<Held>[] {
    const idle = [...this.#uploads.values()]
      .filter((upload) => !upload.whole && now - upload.heardAt >= this.#limits.idleTimeout);
    for (const upload of idle) this.remove(upload);
    return idle;
  }

  /** Frees the room of an upload. Its chunks, should they come again, start a new one. */
  remove(upload: Upload<Held>): void {
    if (this.#uploads.get(upload.info.uploadId) !== upload) return;
    this.#uploads.delete(upload.info.uploadId);
    this.#bufferedBytes -= upload.info.totalSize;
  }

  #newShape(info: ChunkInfo, length: number): Refusal | { chunkSize: number } {
    const shape = chunkSizeFrom(info, length);
    if ("problem" in shape) return { reason: "length", message: shape.problem, final: true };
    if (this.fits(info.totalSize)) return shape;
    const { maxUploads, maxBufferedBytes } = this.#limits;
    const message =
      `${this.#uploads.size} of ${maxUploads} uploads and ${this.#bufferedBytes} of ` +
      `${maxBufferedBytes} bytes are taken, ${info.totalSize} bytes are wanted`;
    return { reason: "full", message, final: false };
  }

  #admit(
    info: ChunkInfo,
    chunkSize: number,
    headers: MsgHdrs,
    keepParts: boolean,
    now: number,
  ): Upload<Held> {
    const { chunkCount, totalSize } = info;
    const store = new PayloadStore(
      { chunkCount, chunkSize, totalSize, keepParts },
      info.digestFollows || info.digest !== undefined ? this.#startHash() : undefined,
    );
    const upload = {
      info,
      chunkSize,
      headers,
      store,
      held: [],
      digest: info.digest,
      heardAt: now,
      whole: false,
    };
    this.#uploads.set(info.uploadId, upload);
    this.#bufferedBytes += totalSize;
    return upload;
  }

  /** The SHA-256 of bytes that are all here. */
  sumOf(data: Uint8Array): Uint8Array {
    const hash = this.#startHash();
    hash.update(data);
    return hash.digest();
  }

  #complete(upload: Upload<Held>): Verdict<Held> {
    let finished: ReturnType<PayloadStore["finish"]>;
    try {
      finished = upload.store.finish();
    } catch (error) {
      this.remove(upload);
      return { type: "corrupt", upload, refusal: noMemory(upload.info, error) };
    }
    const { data, sum } = finished;
    // A sender that does not speak of a digest before its last chunk has not been hashed along.
    const isWanted = sum !== undefined || upload.digest !== undefined;
    const digest = isWanted ? formatDigest(sum ?? this.sumOf(data)) : undefined;
    const refusal = digest === undefined ? undefined : wrongDigest(digest, upload.digest);
    if (refusal) {
      this.remove(upload);
      return { type: "corrupt", upload, refusal };
    }
    upload.whole = true;
    return { type: "whole", upload, data, digest };
  }
}

/** Whether nothing came of it but one chunk. */
function isBarren({ store, chunkSize }: Upload<unknown>): boolean {
  return store.receivedBytes <= chunkSize;
}

/** What is within the limits that the application set, but not within what the runtime can allocate. */
function noMemory({ totalSize, chunkCount }: ChunkInfo, error: unknown): Refusal {
  if (!(error instanceof RangeError)) throw error;
  const message = `there is no memory for ${totalSize} bytes in ${chunkCount} chunks`;
  return { reason: "full", message, final: false };
}
