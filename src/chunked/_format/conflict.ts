/**
 * What makes one chunk disagree with its upload, wherever it is received.
 *
 * @module
 */
import { lengthAt } from "./chunk_shape.ts";
import type { ChunkInfo } from "./headers.ts";
import type { RejectReason } from "../rejected_event.ts";

/** Why a chunk, or a whole upload, is refused. */
export interface Refusal {
  readonly reason: RejectReason;
  readonly message: string;
  /** Whether it can never be right; otherwise it may be tried again later. */
  readonly final: boolean;
}

/** Whether a chunk disagrees with what the upload's first chunk said. */
export function conflict(
  upload: { readonly info: ChunkInfo; readonly digest: string | undefined },
  info: ChunkInfo,
): Refusal | undefined {
  for (const field of ["chunkCount", "totalSize", "filename", "contentType"] as const) {
    if (upload.info[field] !== info[field]) {
      return disagreement(field, info[field], upload.info[field]);
    }
  }
  if (info.digest !== undefined && upload.digest !== undefined && info.digest !== upload.digest) {
    return disagreement("digest", info.digest, upload.digest);
  }
  return undefined;
}

/** Whether a chunk has not the length that its place in an upload of this chunk size wants. */
export function wrongLength(
  info: ChunkInfo,
  length: number,
  chunkSize: number,
): Refusal | undefined {
  const wanted = lengthAt(info, chunkSize);
  if (length === wanted) return undefined;
  const message = `chunk ${info.index} has ${length} bytes, wanted are ${wanted}`;
  return { reason: "length", message, final: true };
}

/** Whether the digest of the bytes that came is not the one that was announced. */
export function wrongDigest(found: string, announced: string | undefined): Refusal | undefined {
  if (announced === undefined || announced === found) return undefined;
  const message = `the digest is ${found}, announced was ${announced}`;
  return { reason: "digest", message, final: true };
}

/** The upload as a whole can never fit a fixed limit. */
export function tooLarge(message: string): Refusal {
  return { reason: "too-large", message, final: true };
}

function disagreement(field: string, found: unknown, wanted: unknown): Refusal {
  const message = `${field} is ${JSON.stringify(found)}, the upload began with ${
    JSON.stringify(wanted)
  }`;
  return { reason: "conflict", message, final: true };
}
