/** Sources for tests: in pieces of any size, and with a record of what was done to them. */
import type { SeekableSource } from "../../src/_source.ts";

/** The bytes in pieces of these sizes, over and over; the last piece is what is left. */
export async function* piecesOf(
  data: Uint8Array,
  sizes: readonly number[] = [65_536],
): AsyncGenerator<Uint8Array> {
  for (let at = 0, turn = 0; at < data.length; turn++) {
    const end = Math.min(data.length, at + sizes[turn % sizes.length]!);
    yield data.slice(at, end);
    at = end;
  }
}

/** A web stream that records what became of it. */
export interface WatchedStream {
  readonly stream: ReadableStream<Uint8Array>;
  /** The reasons that it was cancelled with. */
  readonly cancelled: unknown[];
  /** How many bytes were taken out of it. */
  readonly taken: number;
}

/** The pieces as a web stream, given when they are asked for. */
export function watchedStream(pieces: AsyncIterable<Uint8Array>): WatchedStream {
  const iterator = pieces[Symbol.asyncIterator]();
  const cancelled: unknown[] = [];
  let taken = 0;
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await iterator.next();
      if (done) return controller.close();
      taken += value.length;
      controller.enqueue(value);
    },
    cancel: (reason) => void cancelled.push(reason),
  }, { highWaterMark: 0 });
  return {
    stream,
    cancelled,
    get taken() {
      return taken;
    },
  };
}

/** A source over bytes in memory that records which ranges were read, and which of them were cancelled. */
export type WatchedSeekable = SeekableSource & {
  readonly reads: [start: number, end: number][];
  readonly cancelled: unknown[];
};

/** The bytes as a seekable source. */
export function seekable(data: Uint8Array, name?: string): WatchedSeekable {
  const reads: [number, number][] = [];
  const cancelled: unknown[] = [];
  return {
    size: data.length,
    ...(name !== undefined && { name }),
    read(start, end) {
      reads.push([start, end]);
      const watched = watchedStream(piecesOf(data.subarray(start, end), [50_000]));
      const reader = watched.stream.getReader();
      return new ReadableStream({
        async pull(controller) {
          const { done, value } = await reader.read();
          if (done) controller.close();
          else controller.enqueue(value);
        },
        cancel: (reason) => void cancelled.push(reason),
      }, { highWaterMark: 0 });
    },
    reads,
    cancelled,
  };
}

/** Gives the bytes, and then nothing more, without ending. */
export async function* thenHangs(data: Uint8Array): AsyncGenerator<Uint8Array> {
  yield* piecesOf(data);
  await new Promise(() => {});
}

/** Gives the bytes, and then throws. */
export async function* thenThrows(data: Uint8Array, error: unknown): AsyncGenerator<Uint8Array> {
  yield* piecesOf(data);
  throw error;
}
