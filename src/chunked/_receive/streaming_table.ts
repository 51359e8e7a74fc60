/**
 * The uploads that handlers are taking in: admission, limits, and which give way. Without clock or I/O.
 *
 * @module
 */
import type { Demand } from "../../_credit/windows.ts";
import { conflict, type Refusal, tooLarge } from "../_format/conflict.ts";
import type { CreditedUpload, CreditedUploads } from "../_intake/crediting.ts";
import { longestIdle } from "../_intake/eviction.ts";
import type { ChunkInfo } from "../_format/headers.ts";
import type { StreamingUpload } from "./streaming_upload.ts";

/** The bounds of the table. Sizes in bytes, times in milliseconds. */
export interface StreamingLimits {
  readonly maxUploadBytes: number;
  readonly maxUploads: number;
  readonly idleTimeout: number;
}

/** An upload with its times. */
export interface StreamingEntry {
  readonly info: ChunkInfo;
  readonly upload: StreamingUpload;
  /** When its last chunk came. */
  heardAt: number;
  /** When its handler took bytes last. */
  fedAt: number;
}

/** Keeps the uploads from their first chunk to their outcome. */
export class StreamingTable implements CreditedUploads {
  readonly #limits: StreamingLimits;
  readonly #entries = new Map<string, StreamingEntry>();

  constructor(limits: StreamingLimits) {
    this.#limits = limits;
  }

  /** How many there are. */
  get size(): number {
    return this.#entries.size;
  }

  /** All of them. */
  get entries(): StreamingEntry[] {
    return [...this.#entries.values()];
  }

  get(uploadId: string): StreamingEntry | undefined {
    return this.#entries.get(uploadId);
  }

  add(entry: StreamingEntry): void {
    this.#entries.set(entry.info.uploadId, entry);
  }

  /** Returns whether it was there. */
  remove(entry: StreamingEntry): boolean {
    const { uploadId } = entry.info;
    return this.#entries.get(uploadId) === entry && this.#entries.delete(uploadId);
  }

  /** What the sender of an upload is credited with. */
  find(uploadId: string): CreditedUpload | undefined {
    const entry = this.#entries.get(uploadId);
    if (!entry) return undefined;
    const { upload, heardAt } = entry;
    const { chunkSize, receivedBytes, isWhole: whole, next } = upload;
    const gaps = (most: number): [number, number][] => upload.gaps(most);
    return { chunkSize, receivedBytes, whole, heardAt, next, gaps };
  }

  /** What the handler holds up, has taken, and waits for. */
  demandOf(uploadId: string): Demand {
    const upload = this.#entries.get(uploadId)?.upload;
    if (!upload) return { held: 0, taken: 0, isHungry: false };
    const { waitingBytes: held, receivedBytes, bufferedBytes, isHungry } = upload;
    return { held, taken: receivedBytes - bufferedBytes, isHungry };
  }

  /** What can never be right, told from the metadata alone. */
  refusal(info: ChunkInfo): Refusal | undefined {
    const upload = this.#entries.get(info.uploadId)?.upload;
    if (upload) return conflict({ info: upload.info, digest: upload.announcedDigest }, info);
    const { maxUploadBytes } = this.#limits;
    if (info.totalSize <= maxUploadBytes) return undefined;
    return tooLarge(
      `the upload has ${info.totalSize} bytes, maxUploadBytes is ${maxUploadBytes}`,
    );
  }

  /** Whether so many more uploads fit now; of their bytes, only what is under way or held takes room. */
  fits(_totalSize: number, uploads = 1): boolean {
    return this.#entries.size + uploads <= this.#limits.maxUploads;
  }

  /** What there is no place for. */
  full(): Refusal {
    const { maxUploads } = this.#limits;
    const message = `${this.#entries.size} of ${maxUploads} uploads are under way`;
    return { reason: "full", message, final: false };
  }

  /**
   * The upload that gives way to another one, if one sent nothing for five seconds while its handler waits.
   *
   * @param idleSince Since when an upload has got nothing although something could have been sent.
   */
  mostIdle(
    now: number,
    idleSince: (entry: StreamingEntry) => number,
  ): StreamingEntry | undefined {
    return longestIdle(this.#expectant(), now, idleSince)[0];
  }

  /** Those that got nothing for `idleTimeout`. */
  idle(now: number, idleSince: (entry: StreamingEntry) => number): StreamingEntry[] {
    const { idleTimeout } = this.#limits;
    return this.#expectant().filter((entry) => now - idleSince(entry) >= idleTimeout);
  }

  /** Those for which it is the sender's turn. */
  #expectant(): StreamingEntry[] {
    return this.entries.filter(({ upload }) => !upload.isWhole && upload.waitingBytes === 0);
  }
}
