/**
 * Sending the bytes of an object as chunks, several of them under way at a time.
 *
 * @module
 */
import { Budget } from "../_budget.ts";
import { withDeadline } from "../_deadline.ts";
import { createSha256, formatDigest } from "../_digest.ts";
import { readMessage } from "../_jetstream/read_message.ts";
import { NoProgressError } from "../errors.ts";
import type { ObjectStore } from "./open_object_store.ts";

/** How many bytes may be under way, published and not yet acknowledged. */
const WINDOW_BYTES = 8 * 1024 * 1024;

/** How long a failed write waits for the answers that are still to come, in milliseconds. */
const SETTLE_TIMEOUT = 5_000;

/** Bytes that are read once, from their first to their last. */
export interface ChunkSource {
  /** How many there are. */
  readonly size: number;
  /** Begins to read; `signal` ends a read that waits. */
  open(signal: AbortSignal): OpenSource;
}

/** A source that is being read. */
export interface OpenSource {
  /** The bytes from `start`, where the reading before ended, up to `end`. */
  read(start: number, end: number): Uint8Array | Promise<Uint8Array>;
  /** Called after the last byte: makes sure that the source says so, too. */
  expectEnd?(): Promise<void> | undefined;
  /** Lets go of the source, and cancels it when it has not ended. Never throws. */
  close?(reason: unknown): Promise<void>;
}

/** What is known once every chunk is stored. */
export interface WrittenChunks {
  /** Messages. */
  chunks: number;
  /** `SHA-256=…` */
  digest: string;
}

/**
 * Publishes every chunk exactly once and in order, and waits until the server has stored them all. A chunk that fails
 * is not sent again: those after it may be stored already, and readers take chunks in the order of the stream.
 *
 * @throws The first failure, after the chunks under way have settled.
 */
export async function writeChunks(
  store: ObjectStore,
  subject: string,
  source: ChunkSource,
  options: { chunkSize: number; timeout: number; signal: AbortSignal | undefined },
): Promise<WrittenChunks> {
  const { chunkSize, timeout, signal } = options;
  const window = new Budget(WINDOW_BYTES);
  const stop = new AbortController();
  const onAbort = (): void => stop.abort(signal?.reason);
  signal?.addEventListener("abort", onAbort, { once: true });
  const hash = await createSha256();
  const sequences: number[] = [];
  let chunks = 0;

  const send = async (index: number, chunk: Uint8Array): Promise<void> => {
    try {
      const ack = await store.js.publish(subject, chunk, { timeout });
      if (ack.stream !== store.stream) {
        throw new Error(
          `stream ${ack.stream} has stored a chunk that belongs into ${store.stream}`,
        );
      }
      sequences[index] = ack.seq;
    } catch (error) {
      stop.abort(error);
    } finally {
      window.release(chunk.length);
    }
  };

  let reading: OpenSource | undefined;
  try {
    const { size } = source;
    reading = source.open(stop.signal);
    for (let start = 0; start < size; start += chunkSize) {
      const chunk = await reading.read(start, Math.min(start + chunkSize, size));
      await window.acquire(chunk.length, stop.signal);
      hash.update(chunk);
      void send(chunks++, chunk);
    }
    await reading.expectEnd?.();
    await withDeadline(allSettled(window, stop.signal), {
      timeout,
      signal: stop.signal,
      onTimeout: () => new NoProgressError(`store chunks at ${subject}`, timeout),
    });
    stop.signal.throwIfAborted();
    await reading.close?.(undefined);
  } catch (error) {
    await Promise.all([settle(window), reading?.close?.(error)]);
    throw error;
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
  if (sequences.some((sequence, index) => index > 0 && sequence <= sequences[index - 1]!)) {
    throw new Error(`the chunks of ${subject} were stored in another order than they were sent`);
  }
  if (sequences.length > 0) await checkLanded(store, subject, sequences.at(-1)!);
  return { chunks, digest: formatDigest(hash.digest()) };
}

/**
 * Subjects of object stores know no domain: on a leaf node with a store of the same name the chunks may have been
 * stored in that one.
 */
async function checkLanded(store: ObjectStore, subject: string, sequence: number): Promise<void> {
  if (store.js.apiPrefix === "$JS.API") return;
  const last = await readMessage(store, { last_by_subj: subject }, true);
  if (last?.seq === sequence) return;
  throw new Error(
    `the chunks were not stored where ${store.js.apiPrefix} leads to: another object store ` +
      `${JSON.stringify(store.bucket)} took them; connect to its own server`,
  );
}

/** Resolves when every chunk has its answer. */
async function allSettled(window: Budget, signal?: AbortSignal): Promise<void> {
  await window.acquire(WINDOW_BYTES, signal);
  window.release(WINDOW_BYTES);
}

/** Waits for the answers that are still to come: only then does a purge remove everything. */
async function settle(window: Budget): Promise<void> {
  const onTimeout = (): Error => new NoProgressError("settle", SETTLE_TIMEOUT);
  await withDeadline(allSettled(window), { timeout: SETTLE_TIMEOUT, onTimeout }).catch(() => {});
}
