/**
 * The assembler behind `assembleChunks` and `createChunkAssembler`: reads messages, asks the table of uploads, and acts
 * on its verdicts: acknowledgements over JetStream, credit over core NATS, timers.
 *
 * @module
 */
import type { JsMsg } from "@nats-io/jetstream";
import type { Msg } from "@nats-io/nats-core";
import type { Budget } from "../_budget.ts";
import { formatDigest, type Sha256 } from "../_digest.ts";
import { inboundBudget } from "../_lifecycle.ts";
import type { CheckedAssemblerOptions } from "./assembler_options.ts";
import type { ChunkedPayload } from "./chunked_payload.ts";
import type { Line } from "./_credit_desk.ts";
import { Crediting, respondable } from "./_crediting.ts";
import { type ChunkInfo, ownHeaders, parseChunkMessage } from "./_headers.ts";
import {
  acknowledge,
  asJetStream,
  handBack,
  handBackSoon,
  isHeld,
  type NatsMessage,
} from "./_held_message.ts";
import type { PushResult } from "./push_result.ts";
import {
  ABANDONED,
  ASK_WITH_BODY,
  eventOf,
  EVICTED,
  HEADERS_ONLY,
  reasonFor,
  REJECTED,
  TAKEN,
} from "./_refusals.ts";
import type { RejectedEvent } from "./rejected_event.ts";
import { SteadyClock } from "./_steady_clock.ts";
import { systemTimers, type Timers } from "./_timers.ts";
import { type Refusal, type Upload, UploadTable } from "./_upload_table.ts";

const TICK_MS = 500;
/** A sender that waits for its payload to be dealt with hears so often that the receiver is alive. */
const REPEAT_CREDIT_MS = 1_000;
/** Held messages are kept from being delivered again; the server's default ack wait is 30 s. */
const KEEP_ALIVE_MS = 5_000;

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
  readonly #pending = new Map<Upload<JsMsg>, PendingPayload>();
  readonly #timers: Timers;
  readonly #clock: SteadyClock;
  #stopTicking: (() => void) | undefined;
  #repeatedAt = 0;
  #keptAliveAt = 0;
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
    this.#timers = timers;
    this.#clock = new SteadyClock(TICK_MS * 2, timers.now);
    this.#table = new UploadTable(options, startHash);
    const now = (): number => this.#clock.now();
    this.#crediting = new Crediting(this.#table, { inbound, timers, now });
  }

  /** Whether nothing is arriving: all the room is taken by whole payloads that nobody has settled yet. */
  get onlyPending(): boolean {
    return this.#pending.size > 0 && this.#pending.size === this.#table.uploads.size;
  }

  /** Takes a message and does what follows from it. Never throws for what a message contains. */
  push(message: NatsMessage): PushResult {
    if (this.#closed) throw new Error("the assembler is closed");
    const parsed = parseChunkMessage(message);
    if (parsed.type === "foreign") return { type: "ignored" };
    const now = this.#clock.now();
    const result = parsed.type === "malformed"
      ? this.#refuse(message, { uploadId: parsed.uploadId }, {
        reason: "malformed",
        message: parsed.problem,
        final: true,
      })
      : this.#take(message, parsed.info, now);
    this.#runTimers();
    return result;
  }

  /** Gives everything up that is not settled, and stops. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const payload of [...this.#pending.values()]) payload.abandon();
    for (const upload of [...this.#table.uploads.values()]) this.#give(upload, ABANDONED);
    this.#crediting.close();
    this.#runTimers();
  }

  #take(message: NatsMessage, info: ChunkInfo, now: number): PushResult {
    const stored = asJetStream(message);
    const sender = !stored && info.credit ? respondable(message as Msg) : undefined;
    if (info.ask !== undefined && !sender) {
      stored?.ack(); // a stream keeps what was a question to those who listened then
      return { type: "ignored" };
    }

    if (info.ask !== undefined && message.data.length > 0) {
      return this.#refuse(message, info, ASK_WITH_BODY, sender);
    }

    const ending = this.#table.ended.get(info.uploadId, info.index === 0, now);
    if (ending) {
      if (sender) this.#crediting.desk.end(sender, info, ending);
      if (ending.status === "rejected") {
        const words = `the upload was rejected a moment ago: ${ending.reason}`;
        return this.#refuse(message, info, { reason: "rejected", message: words, final: false });
      }
      stored?.ack(); // a late repeat
      return info.ask === undefined ? duplicate(info) : { type: "ignored" };
    }
    const isTaken = !stored && this.#crediting.isTaken(info, sender, now);
    const refusal = isTaken ? TAKEN : this.#table.refusal(info);
    if (refusal) return this.#refuse(message, info, refusal, sender);
    if (info.ask === undefined) return this.#offer(message, info, sender, now);

    const line = this.#hear(info, sender!, now);
    if (!line.flow.admitted) this.#makeRoom(info.totalSize, now);
    this.#crediting.answer(line, now);
    return { type: "ignored" };
  }

  #offer(message: NatsMessage, info: ChunkInfo, sender: Msg | undefined, now: number): PushResult {
    const stored = asJetStream(message);
    if (stored?.headers?.has("Nats-Msg-Size")) return this.#refuse(message, info, HEADERS_ONLY);
    const { desk } = this.#crediting;
    if (!this.#table.uploads.has(info.uploadId)) this.#makeRoom(info.totalSize, now);
    const verdict = this.#table.offer(info, message.data, message.headers!, stored, now);
    if (verdict.type === "refused") {
      if (sender && verdict.refusal.reason === "full") desk.turnAway(sender, info, now);
      return this.#refuse(message, info, verdict.refusal, sender);
    }
    if (verdict.type === "corrupt") {
      if (sender) this.#hear(info, sender, now);
      // The last message was held like the others, so giving the upload up settles it too.
      const event = eventOf(verdict.refusal, "upload", info, message);
      this.#give(verdict.upload, verdict.refusal, undefined, event);
      return { type: "rejected", event };
    }
    const isNew = verdict.type !== "duplicate";
    if (sender) {
      const line = this.#hear(info, sender, now, isNew ? message.data.length : 0);
      this.#crediting.owe(line, now);
    }
    if (!isNew) {
      if (stored && !isHeld(stored, verdict.upload.held)) stored.ack();
      return duplicate(info);
    }
    if (verdict.type === "accepted") {
      return { type: "accepted", uploadId: info.uploadId, chunkIndex: info.index };
    }
    const payload = this.#payload(verdict.upload, verdict.data, verdict.digest);
    this.#pending.set(verdict.upload, payload);
    return { type: "complete", payload };
  }

  /** A message of a sender that waits for credit, with which so many bytes were taken over. */
  #hear(info: ChunkInfo, sender: Msg, now: number, bytes = 0): Line {
    const { desk } = this.#crediting;
    const line = desk.hear(info, sender, now);
    const upload = this.#table.uploads.get(info.uploadId);
    if (!upload) return line;
    const { chunkSize, store } = upload;
    // What came without credit, before its sender asked for the first time, counts as well.
    if (!line.flow.admitted) desk.received(line, store.receivedBytes, chunkSize, now);
    else if (info.ask === undefined) desk.received(line, bytes, chunkSize, now);
    return line;
  }

  #makeRoom(totalSize: number, now: number): void {
    if (this.#table.fits(totalSize)) return;
    const idleSince = (upload: Upload<JsMsg>): number => this.#crediting.idleSince(upload);
    for (const upload of this.#table.makeRoom(totalSize, now, idleSince)) {
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
        this.#finish(upload, "complete");
        await acknowledge(upload.held);
      },
      nak: (delay) => {
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
    if (comesBack) this.#forget(upload);
    else this.#finish(upload, "rejected", reasonFor(refusal));
    this.#tell(event);
  }

  /** The upload has ended: its sender is told, and its id is remembered. */
  #finish(upload: Upload<JsMsg>, status: "complete" | "rejected", reason?: string): void {
    const { uploadId, chunkCount } = upload.info;
    const at = this.#clock.now();
    this.#table.ended.add(uploadId, { status, reason, chunkCount, at });
    const { desk } = this.#crediting;
    const line = desk.get(uploadId);
    if (line) desk.end(line.message, { ...line.info, ask: line.ask }, { status, reason });
    this.#forget(upload);
  }

  #forget(upload: Upload<JsMsg>): void {
    this.#crediting.forget(upload.info.uploadId);
    this.#table.remove(upload);
    if (!this.#closed) this.#crediting.serveWaiting(this.#clock.now());
    this.onFreed();
  }

  /** Refuses one message and leaves everything else as it was. */
  #refuse(
    message: NatsMessage,
    about: { uploadId: string | undefined; index?: number },
    refusal: Refusal,
    sender?: Msg,
  ): PushResult {
    const stored = asJetStream(message);
    if (refusal.final) stored?.term(refusal.message);
    else if (stored) handBack(stored);
    if (sender && refusal.final) {
      const reason = reasonFor(refusal);
      this.#crediting.desk.end(sender, about as ChunkInfo, { status: "rejected", reason });
    }
    const scope = refusal.reason === "too-large" ? "upload" : "chunk";
    const event = eventOf(refusal, scope, about, message);
    this.#tell(event);
    return { type: "rejected", event };
  }

  #tell(event: RejectedEvent): void {
    try {
      this.#options.onRejected?.(event);
    } catch {
      // What the application's report does wrong must not harm an upload.
    }
  }

  #runTimers(): void {
    const isBusy = this.#table.uploads.size > 0 || !this.#crediting.desk.isQuiet;
    if (isBusy && !this.#stopTicking) {
      this.#clock.watch();
      this.#stopTicking = this.#timers.every(TICK_MS, () => this.#onTick());
    } else if (!isBusy && this.#stopTicking) {
      this.#stopTicking();
      this.#stopTicking = undefined;
      this.#clock.rest();
    }
  }

  #onTick(): void {
    const now = this.#clock.now();
    const { desk } = this.#crediting;
    for (const upload of this.#table.takeIdle(now)) {
      const message = `no chunk came for ${this.#options.idleTimeout} ms, ` +
        `${upload.store.receivedBytes} of ${upload.info.totalSize} bytes had`;
      this.#give(upload, { reason: "idle", message, final: false });
    }
    if (now - this.#repeatedAt >= REPEAT_CREDIT_MS) {
      this.#repeatedAt = now;
      for (const { info } of this.#pending.keys()) {
        const line = desk.get(info.uploadId);
        if (line) this.#crediting.answer(line, now);
      }
    }
    if (now - this.#keptAliveAt >= KEEP_ALIVE_MS) {
      this.#keptAliveAt = now;
      for (const { held } of this.#table.uploads.values()) {
        for (const message of held) message.working();
      }
    }
    desk.tidy(now);
    this.#crediting.serveWaiting(now);
    this.#runTimers();
  }
}

function duplicate({ uploadId, index }: ChunkInfo): PushResult {
  return { type: "duplicate", uploadId, chunkIndex: index };
}
