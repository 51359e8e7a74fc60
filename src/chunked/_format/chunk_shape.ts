/**
 * Which lengths the chunks of an upload have (PROTOCOL 1): all but the last one the same, and no more than 8,000,000
 * bytes.
 *
 * @module
 */

/** The most bytes that one chunk may have. */
export const MAX_CHUNK_SIZE = 8_000_000;

interface Shape {
  readonly index: number;
  readonly chunkCount: number;
  readonly totalSize: number;
}

/** The chunk size of an upload, told by any one of its chunks, or what is wrong with that chunk's length. */
export function chunkSizeFrom(
  { index, chunkCount, totalSize }: Shape,
  length: number,
): { readonly chunkSize: number } | { readonly problem: string } {
  const isLast = index === chunkCount - 1;
  const chunkSize = chunkCount === 1
    ? totalSize
    : isLast
    ? (totalSize - length) / (chunkCount - 1)
    : length;
  const fits = Number.isInteger(chunkSize) &&
    length <= chunkSize &&
    (isLast ? length === totalSize - chunkSize * (chunkCount - 1) : true) &&
    (chunkCount === 1 || (length > 0 && Math.ceil(totalSize / chunkSize) === chunkCount));
  if (!fits) {
    const problem =
      `chunk ${index} of ${chunkCount} has ${length} bytes, which cannot be of ${totalSize} in all`;
    return { problem };
  }
  if (chunkSize > MAX_CHUNK_SIZE) {
    return {
      problem: `the chunk size is ${chunkSize} bytes, at most ${MAX_CHUNK_SIZE} are allowed`,
    };
  }
  return { chunkSize };
}

/** The length in bytes of the chunk at `index`. */
export function lengthAt({ index, chunkCount, totalSize }: Shape, chunkSize: number): number {
  return index < chunkCount - 1 ? chunkSize : totalSize - chunkSize * (chunkCount - 1);
}

/** The largest chunk size that the metadata allow, for an ask, which has no body to tell it. */
export function largestChunkSize({ chunkCount, totalSize }: Omit<Shape, "index">): number {
  const largest = chunkCount === 1 ? totalSize : Math.floor((totalSize - 1) / (chunkCount - 1));
  return Math.min(largest, MAX_CHUNK_SIZE);
}
