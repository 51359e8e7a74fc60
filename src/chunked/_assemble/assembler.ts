/**
 * The assembler behind `assembleChunks` and `createChunkAssembler`: reads messages, asks the table of uploads, and acts
 * on its verdicts: acknowledgements over JetStream, credit over core NATS, timers.
 *
 * @module
 */
import type { JsMsg } from "@nats-io/jetstream";
import type { Budget } from "../../_budget.ts";
import { formatDigest, type Sha256 } from "../../_digest.ts";
import { inboundBudget } from "../../_lifecycle.ts";
import { requireTimeout } from "../../_require.ts";
import type { CheckedAssemblerOptions } from "../assembler_options.ts";
import type { ChunkedPayload } from "../chunked_payload.ts";
import type { Refusal } from "../_format/conflict.ts";
import { Crediting } from "../_intake/crediting.ts";
import { type ChunkInfo, ownHeaders } from "../_format/headers.ts";
import {
  acknowledge,
  asJetStream,
  handBack,
  handBackSoon,
  isHeld,
  type NatsMessage,
} from "../_intake/held_message.ts";
import { type Arrival, duplicate, Intake } from "../_intake/intake.ts";
import type { PushResult } from "../push_result.ts";
import {
  ABANDONED,
  eventOf,
  EVICTED,
  HEADERS_ONLY,
  idleFor,
  reasonFor,
  REJECTED,
} from "../_intake/refusals.ts";
import type { RejectedEvent } from "../rejected_event.ts";
import { Ticker } from "../_intake/ticker.ts";
import { systemTimers, type Timers } from "../_intake/timers.ts";
import { type Upload, UploadTable } from "./upload_table.ts";

/** A sender that waits for its payload to be dealt with hears so often that the receiver is alive. */
const REPEAT_CREDIT_MS = 1_000;
/** Held messages are kept from being delivered again; the server's default ack wait is 30 s. */
const KEEP_ALIVE_MS = 5_000;
/** Where the ack wait is shorter, which shows when they come again, it is done more often, down to this. */
const LEAST_KEEP_ALIVE_MS = 500;
/** Of so many uploads without room it is known how much there is of them. */
const MOST_WAITING = 10_000;

/** A payload that somebody has to settle. */
export interface PendingPayload extends ChunkedPayload {
  /** Gives the payload back without a word of judgement: the receiver leaves. */
  abandon(): void;
}

/** Takes one message after the other; see {@linkcode Assembler.push}. */
export class Assembler {
  readonly #options: CheckedAssemblerOptions;
  readonly #table: UploadTable<JsMsg>;
  readonly #crediting: Crediting;
  readonly #intake: Intake;
  readonly #pending = new Map<Upload<JsMsg>, PendingPayload>();
  readonly #ticker: Ticker;
  #repeatedAt = 0;
  #keptAliveAt = 0;
  #keepAliveEvery = KEEP_ALIVE_MS;
  /** The bytes of stored uploads for which there was no room when their chunks came first. */
  readonly #waiting = new Map<string, number>();
  #closed = false;

  /** Called when room has become free. */
  onFreed: () => void = () => {};

  /** @param world What a test replaces: the budget and the time. */
  constructor(
    options: CheckedAssemblerOptions,
    startHash: () => Sha256,
    world: { inbound?: Budget; timers?: Timers } = {},
  ) {
    const { inbound = inboundBudget(options.connection), timers = systemTimers } = world;
    this.#options = options;
    const table = this.#table = new UploadTable(options, startHash);
    const isBusy = (): boolean => table.uploads.size > 0 || !this.#crediting.desk.isQuiet;
    this.#ticker = new Ticker(timers, isBusy, (now) => this.#onTick(now));
    this.#crediting = new Crediting(table, { inbound, timers, now: this.#ticker.now });
    this.#intake = new Intake({
      refusal: (info) => table.refusal(info),
      makeRoom: (info, now) => this.#makeRoom(info.totalSize, now),
      offer: (arrival) => this.#offer(arrival),
      onSpent: (message) => asJetStream(message)?.ack(),
      onRefused: (message, refusal) => settleRefused(message, refusal),
      onRejected: options.onRejected,
    }, this.#crediting);
  }

  /** Whether nothing is arriving: all the room is taken by whole payloads that nobody has settled yet. */
  get onlyPending(): boolean {
    return this.#pending.size > 0 && this.#pending.size === this.#table.uploads.size;
  }

  /** Takes a message and does what follows from it. Never throws for what a message contains. */
  push(message: NatsMessage): PushResult {
    if (this.#closed) throw new Error("the assembler is closed");
    const result = this.#intake.take(message, this.#ticker.now());
    this.#ticker.refresh();
    return result;
  }

  /** Gives everything up that is not settled, and stops. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const payload of [...this.#pending.values()]) payload.abandon();
    for (const upload of [...this.#table.uploads.values()]) this.#give(upload, ABANDONED);
    this.#crediting.close();
    this.#ticker.refresh();
  }

  #offer({ message, info, sender, now }: Arrival): PushResult {
    const stored = asJetStream(message);
    if (stored?.headers?.has("Nats-Msg-Size")) {
      return this.#intake.refuse(message, info, HEADERS_ONLY);
    }
    if (!this.#table.uploads.has(info.uploadId)) {
      this.#makeRoom(info.totalSize, now, stored ? this.#claimOf(info, message) : 0);
    }
    const verdict = this.#table.offer(info, message.data, message.headers!, stored, now);
    if (verdict.type === "refused") {
      const isFull = verdict.refusal.reason === "full";
      if (sender && isFull) this.#crediting.desk.turnAway(sender, info, now);
      if (stored && isFull) this.#noteWaiting(info, stored);
      return this.#intake.refuse(message, info, verdict.refusal, sender);
    }
    if (verdict.type === "corrupt") {
      if (sender) this.#crediting.hear(info, sender, now);
      // The last message was held like the others, so giving the upload up settles it too.
      const event = eventOf(verdict.refusal, "upload", info, message);
      this.#give(verdict.upload, verdict.refusal, undefined, event);
      return { type: "rejected", event };
    }
    const isNew = verdict.type !== "duplicate";
    if (sender) {
      const line = this.#crediting.hear(info, sender, now, isNew ? message.data.length : 0);
      this.#crediting.owe(line, now);
    }
    if (!isNew) {
      if (stored && !isHeld(stored, verdict.upload.held)) stored.ack();
      else if (stored) this.#onHeldAgain(now);
      return duplicate(info);
    }
    if (verdict.type === "accepted") {
      return { type: "accepted", uploadId: info.uploadId, chunkIndex: info.index };
    }
    const payload = this.#payload(verdict.upload, verdict.data, verdict.digest);
    this.#pending.set(verdict.upload, payload);
    return { type: "complete", payload };
  }

  /**
   * What a stored upload has to show for a place: nobody but a chunk of it can tell how much more there is, and of what
   * never goes on there is one chunk.
   */
  #claimOf({ uploadId, chunkCount }: ChunkInfo, { data }: NatsMessage): number {
    if (chunkCount === 1) return Infinity;
    const waiting = this.#waiting.get(uploadId);
    return waiting === undefined ? 0 : waiting + data.length;
  }

  #noteWaiting({ uploadId }: ChunkInfo, { info, data }: JsMsg): void {
    if (info.deliveryCount > 1) return;
    const bytes = this.#waiting.get(uploadId) ?? 0;
    this.#waiting.set(uploadId, bytes + data.length);
    if (this.#waiting.size <= MOST_WAITING) return;
    for (const oldest of this.#waiting.keys()) return void this.#waiting.delete(oldest);
  }

  /** What was to be kept alive was not. */
  #onHeldAgain(now: number): void {
    if (now - this.#keptAliveAt < LEAST_KEEP_ALIVE_MS) return; // one of many that came together
    this.#keepAliveEvery = Math.max(LEAST_KEEP_ALIVE_MS, this.#keepAliveEvery / 2);
    this.#keepAlive(now);
  }

  #keepAlive(now: number): void {
    this.#keptAliveAt = now;
    for (const { held } of this.#table.uploads.values()) {
      for (const message of held) message.working();
    }
  }

  #makeRoom(totalSize: number, now: number, claim = 0): void {
    if (this.#table.fits(totalSize)) return;
    const idleSince = (upload: Upload<JsMsg>): number => this.#crediting.idleSince(upload);
    for (const upload of this.#table.makeRoom(totalSize, now, idleSince, claim)) {
      this.#give(upload, EVICTED);
    }
  }

  #payload(upload: Upload<JsMsg>, data: Uint8Array, known: string | undefined): PendingPayload {
    const { uploadId, filename, contentType, totalSize: size } = upload.info;
    /** Returns whether this call is the one that settles. */
    const settle = (): boolean => this.#pending.delete(upload);
    const digestOf = (): string => known ??= formatDigest(this.#table.sumOf(data));
    return {
      uploadId,
      data,
      size,
      filename,
      contentType,
      get digest() {
        return digestOf();
      },
      headers: ownHeaders(upload.headers),
      ack: async () => {
        if (!settle()) return;
        this.#intake.finish(upload.info, "complete", this.#ticker.now());
        this.#forget(upload);
        await acknowledge(upload.held);
      },
      nak: (delay) => {
        if (delay !== undefined && delay !== 0) requireTimeout("delay", delay);
        if (settle()) this.#give(upload, REJECTED, delay);
      },
      abandon: () => {
        if (settle()) this.#give(upload, ABANDONED);
      },
    };
  }

  /** Gives an upload up: its messages go back or are termed, its sender hears why. */
  #give(
    upload: Upload<JsMsg>,
    refusal: Refusal,
    delay?: number,
    event: RejectedEvent = eventOf(refusal, "upload", upload.info),
  ): void {
    const { reason } = refusal;
    const isWrong = reason === "digest";
    for (const held of upload.held) {
      if (isWrong) held.term(refusal.message);
      else if (reason === "abandoned") handBackSoon(held);
      else handBack(held, delay);
    }
    const comesBack = reason === "evicted" || reason === "idle" ||
      (upload.held.length > 0 && !isWrong);
    if (!comesBack) {
      this.#intake.finish(upload.info, "rejected", this.#ticker.now(), reasonFor(refusal));
    }
    this.#forget(upload);
    this.#intake.tell(event);
  }

  #forget(upload: Upload<JsMsg>): void {
    this.#crediting.forget(upload.info.uploadId);
    this.#table.remove(upload);
    if (!this.#closed) this.#crediting.serveWaiting(this.#ticker.now());
    this.onFreed();
  }

  #onTick(now: number): void {
    const { desk } = this.#crediting;
    for (const upload of this.#table.takeIdle(now)) {
      const { info, store } = upload;
      this.#give(upload, idleFor(this.#options.idleTimeout, info, store.receivedBytes));
    }
    if (now - this.#repeatedAt >= REPEAT_CREDIT_MS) {
      this.#repeatedAt = now;
      for (const { info } of this.#pending.keys()) {
        const line = desk.get(info.uploadId);
        if (line) this.#crediting.answer(line, now);
      }
    }
    if (now - this.#keptAliveAt >= this.#keepAliveEvery) this.#keepAlive(now);
    desk.tidy(now);
    this.#crediting.serveWaiting(now);
  }
}

/** What can never be right is termed; anything else comes again. */
function settleRefused(message: NatsMessage, refusal: Refusal): void {
  const stored = asJetStream(message);
  if (refusal.final) stored?.term(refusal.message);
  else if (stored) handBack(stored);
}
