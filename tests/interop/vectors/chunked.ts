/**
 * All vectors of chunked uploads.
 *
 * @module
 */
import { extensionVectors } from "./define/extensions.ts";
import { headerVectors } from "./define/headers.ts";
import { metadataVectors } from "./define/metadata.ts";
import { uploadVectors } from "./define/uploads.ts";
import { wireVectors } from "./define/wire.ts";
import type { Vector } from "./vector.ts";

/** What `chunked.json` holds. */
export interface VectorFile {
  readonly version: number;
  readonly about: string;
  readonly vectors: readonly Vector[];
}

/** Puts the definitions together, as JSON has them. */
export function chunkedVectors(): VectorFile {
  const vectors = [
    ...headerVectors,
    ...metadataVectors,
    ...uploadVectors,
    ...extensionVectors,
    ...wireVectors,
  ];
  const file: VectorFile = {
    version: 1,
    about:
      "Chunked uploads: messages, and what a receiver makes of them. See README.md beside this file.",
    vectors,
  };
  return JSON.parse(JSON.stringify(file));
}
