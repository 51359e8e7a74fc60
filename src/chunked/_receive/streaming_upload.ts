/**
 * One upload on its way into a handler: chunks in any order go in, a stream of bytes in order comes out. No clock and no
 * I/O of its own but the web stream.
 *
 * @module
 */
import type { MsgHdrs } from "@nats-io/nats-core";
import { giveBackBody } from "../../_body_pool.ts";
import type { Budget } from "../../_budget.ts";
import { formatDigest, type Sha256 } from "../../_digest.ts";
import type { UploadContext, UploadHandler } from "../../_upload.ts";
import { describeUploadStream } from "../../_upload_stream.ts";
import { DigestMismatchError, HandlerTimeoutError } from "../../errors.ts";
import { conflict, type Refusal, wrongDigest, wrongLength } from "../_format/conflict.ts";
import { HandlerWatch } from "./handler_watch.ts";
import { type ChunkInfo, ownHeaders } from "../_format/headers.ts";
import { ReorderBuffer } from "./reorder_buffer.ts";
import type { Timers } from "../_intake/timers.ts";

/** How an upload ended. */
export type Outcome =
  /** The handler resolved; every byte was there, and the digest is right where one was announced. */
  | { readonly type: "handled"; readonly digest: string }
  /** The handler threw (`permanent`: a `PermanentError`), or made no progress for `handlerTimeout`. */
  | { readonly type: "failed"; readonly error: unknown; readonly permanent: boolean }
  /** The digest is wrong, which no repeat can mend. */
  | { readonly type: "corrupt"; readonly refusal: Refusal }
  /** {@linkcode StreamingUpload.abandon} was called. */
  | { readonly type: "abandoned"; readonly reason: unknown };

/** What an upload is made of. */
export interface StreamingUploadOptions {
  /** Of the first chunk that came, or of any other. */
  readonly info: ChunkInfo;
  readonly chunkSize: number;
  /** All headers of that chunk. */
  readonly headers: MsgHdrs;
  readonly subject: string;
  readonly deliveryCount: number;
  readonly startHash: () => Sha256;
  readonly handler: UploadHandler;
  /** The longest time that the handler may keep the upload waiting, in milliseconds. */
  readonly handlerTimeout: number | undefined;
  readonly timers: Timers;
  /** What is held of all uploads together. */
  readonly buffer: Budget;
  /** The handler has taken so many bytes: room has become free. */
  readonly onConsumed: (bytes: number) => void;
  /** The handler waits for bytes that are not here. */
  readonly onHungry?: () => void;
}

/** Takes the chunks of one upload, and runs its handler. */
export class StreamingUpload {
  readonly info: ChunkInfo;
  readonly chunkSize: number;
  /** Never rejects. Resolves once: when the handler is done with it, or as soon as it is given up. */
  readonly outcome: Promise<Outcome>;
  /** Resolves when the handler has settled, which it may do long after an outcome that it did not bring about. */
  readonly settled: Promise<void>;

  readonly #options: StreamingUploadOptions;
  readonly #buffer: ReorderBuffer;
  readonly #watch: HandlerWatch;
  readonly #hash: Sha256;
  readonly #abort = new AbortController();
  readonly #setOutcome: (outcome: Outcome) => void;
  #receivedBytes = 0;
  #announced: string | undefined;
  /** The digest of all bytes, once they are all here. */
  #digest: string | undefined;
  #stream: ReadableStreamDefaultController<Uint8Array> | undefined;
  /** Whether the handler waits for bytes, or for the end. */
  #isAsked = false;
  #isFeeding = false;
  /** Whether the handler wants no more bytes: it has all, has cancelled the stream, or has resolved. */
  #isDraining = false;
  #isHandlerDone = false;
  #isOver = false;

  /** Starts the handler, in a microtask. */
  constructor(options: StreamingUploadOptions) {
    this.#options = options;
    this.info = options.info;
    this.chunkSize = options.chunkSize;
    this.#announced = options.info.digest;
    this.#buffer = new ReorderBuffer(options.buffer);
    this.#watch = new HandlerWatch(options.handlerTimeout, options.timers, (timeout) => {
      const error = new HandlerTimeoutError(`upload ${this.info.uploadId}`, timeout);
      this.#end({ type: "failed", error, permanent: false }, error);
    });
    this.#hash = options.startHash();
    const outcome = Promise.withResolvers<Outcome>();
    this.outcome = outcome.promise;
    this.#setOutcome = outcome.resolve;
    this.settled = Promise.resolve().then(() => this.#run());
  }

  /** Every chunk with a lower index is here or was handed on. */
  get next(): number {
    return this.#buffer.next;
  }

  /** Bytes that are held now. */
  get bufferedBytes(): number {
    return this.#buffer.bytes;
  }

  /** Those of them that only wait for the handler: nothing before them is missing. */
  get waitingBytes(): number {
    return this.#buffer.waitingBytes;
  }

  /** Bytes that are held or were handed on. */
  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  /** The digest that the sender announced, as far as any chunk had it. */
  get announcedDigest(): string | undefined {
    return this.#announced;
  }

  /** Whether the last byte is here, and all before it. */
  get isWhole(): boolean {
    return this.next === this.info.chunkCount;
  }

  /** Whether the handler waits for bytes, and the next chunk is not here. */
  get isHungry(): boolean {
    return !this.#isOver && !this.isWhole && (this.#isAsked || this.#isDraining);
  }

  /** Whether the chunk is here, or was handed on. */
  has(index: number): boolean {
    return this.#buffer.has(index);
  }

  /** The gaps from `next` on with a chunk above them, both ends included; at most `most`. */
  gaps(most: number): [first: number, last: number][] {
    return this.#buffer.gaps(most);
  }

  /**
   * Takes a chunk, unless there is no room: for one out of order while the buffer is more than half full, for the next one
   * while it is full and others still wait for the handler. Whoever calls asks, or reads, again later.
   *
   * @param granted So many bytes of the buffer are set aside for this chunk already.
   */
  offer(
    info: ChunkInfo,
    data: Uint8Array,
    granted = 0,
  ): "taken" | "duplicate" | "no-room" | Refusal {
    const refusal = conflict({ info: this.info, digest: this.#announced }, info) ??
      wrongLength(info, data.length, this.chunkSize);
    if (refusal) return refusal;
    if (this.#isOver || this.has(info.index)) return "duplicate";
    if (!this.#buffer.hasRoom(info.index, data.length, granted)) return "no-room";
    this.#announced ??= info.digest;
    this.#hold(info.index, data);
    return "taken";
  }

  /** Gives the upload up: its stream errors with `reason`, its signal aborts. */
  abandon(reason: unknown): void {
    this.#end({ type: "abandoned", reason }, reason);
  }

  async #run(): Promise<void> {
    if (this.#isOver) return;
    const { handler, headers, subject, deliveryCount } = this.#options;
    const { uploadId, totalSize: size, filename, contentType } = this.info;
    const stream = new ReadableStream<Uint8Array>({
      start: (controller) => void (this.#stream = controller),
      pull: () => this.#pull(),
      cancel: () => this.#drain(),
    }, { highWaterMark: 0 });
    describeUploadStream(stream, { digest: () => this.#digest, onSpent: giveBackBody });
    const context: UploadContext = {
      uploadId,
      size,
      filename,
      contentType,
      headers: ownHeaders(headers),
      subject,
      deliveryCount,
      signal: this.#abort.signal,
    };
    this.#watch.busy();
    try {
      await handler(stream, context);
    } catch (error) {
      const permanent = (error as Error | undefined)?.name === "PermanentError";
      return this.#end({ type: "failed", error, permanent }, error);
    }
    this.#isHandlerDone = true;
    this.#watch.stop();
    this.#drain();
    this.#finish();
  }

  #hold(index: number, data: Uint8Array): void {
    this.#receivedBytes += data.length;
    this.#buffer.add(index, data, (next) => this.#hash.update(next));
    if (this.isWhole && !this.#isRight()) return;
    this.#feed();
    this.#buffer.compact(index);
    this.#finish();
  }

  #isRight(): boolean {
    const digest = this.#digest = formatDigest(this.#hash.digest());
    const refusal = wrongDigest(digest, this.#announced);
    if (!refusal) return true;
    const upload = `upload ${this.info.uploadId}`;
    this.#end(
      { type: "corrupt", refusal },
      new DigestMismatchError(upload, this.#announced!, digest),
    );
    return false;
  }

  /** The stream asks for bytes: whoever reads it waits for them. */
  #pull(): void {
    this.#isAsked = true;
    this.#watch.rest();
    this.#feedOrAsk();
  }

  /** The handler wants no more. */
  #drain(): void {
    this.#isDraining = true;
    this.#feedOrAsk();
  }

  #feedOrAsk(): void {
    if (this.#isFeeding) return; // it goes on there
    this.#feed();
    if (this.isHungry) this.#options.onHungry?.();
  }

  /** Hands on what is asked for, and the end after the last byte. */
  #feed(): void {
    this.#isFeeding = true;
    while (!this.#isOver && (this.#isAsked || this.#isDraining)) {
      const data = this.#buffer.take();
      if (!data) break;
      if (!this.#isDraining && data.length > 0) this.#give(data);
      this.#options.onConsumed(data.length);
    }
    this.#isFeeding = false;
    if (this.#isOver || this.#isDraining || !this.isWhole || !this.#isAsked) return;
    this.#isDraining = true;
    this.#give(undefined);
  }

  #give(data: Uint8Array | undefined): void {
    this.#isAsked = false;
    this.#watch.busy();
    if (data) this.#stream!.enqueue(data);
    else this.#stream!.close();
  }

  #finish(): void {
    if (!this.isWhole || !this.#isHandlerDone) return;
    this.#end({ type: "handled", digest: this.#digest! });
  }

  /** @param error What the stream and the signal end with; without it they are left alone. */
  #end(outcome: Outcome, error?: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#watch.stop();
    this.#buffer.clear();
    if (outcome.type !== "handled") {
      if (!this.#isDraining) this.#stream?.error(error);
      this.#abort.abort(error);
    }
    this.#setOutcome(outcome);
  }
}
