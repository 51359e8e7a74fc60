/**
 * Chunks for tests of what takes them, without a network.
 *
 * @module
 */
import { headers as createHeaders, type MsgHdrs } from "@nats-io/nats-core";
import { nativeSha256, type Sha256 } from "../../src/_digest.ts";
import type { ChunkInfo } from "../../src/chunked/_format/headers.ts";
import { type TableLimits, UploadTable } from "../../src/chunked/_assemble/upload_table.ts";

export const startHash: () => Sha256 = nativeSha256()!;

/** An upload id that ends in `n`. */
export function idOf(n: number): string {
  return `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;
}

/** Chunk `index` of an upload of three chunks with ten bytes in all. */
export function infoOf(index: number, change: Partial<ChunkInfo> = {}): ChunkInfo {
  return {
    uploadId: idOf(1),
    index,
    chunkCount: 3,
    totalSize: 10,
    filename: undefined,
    contentType: undefined,
    digest: undefined,
    digestFollows: false,
    credit: false,
    ask: undefined,
    ...change,
  };
}

/** So many bytes of one value. */
export function bytes(length: number, value = 1): Uint8Array {
  return new Uint8Array(length).fill(value);
}

export function noHeaders(): MsgHdrs {
  return createHeaders();
}

/** A table that holds three uploads and a hundred bytes. */
export function startTable(limits: Partial<TableLimits> = {}): UploadTable<string> {
  return new UploadTable({
    maxUploadBytes: 60,
    maxChunks: 10,
    maxUploads: 3,
    maxBufferedBytes: 100,
    idleTimeout: 60_000,
    ...limits,
  }, startHash);
}
