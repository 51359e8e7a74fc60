/**
 * The assembler behind `assembleChunks` and `createChunkAssembler`: reads messages, asks the table of uploads, and acts
 * on its verdicts: acknowledgements over JetStream, credit over core NATS, timers.
 *
 * @module
 */
import type { JsMsg } from "@nats-io/jetstream";
import type { Msg } from "@nats-io/nats-core";
import { inboundBudget } from "../_lifecycle.ts";
import type { Sha256 } from "../_digest.ts";
import type { CheckedAssemblerOptions } from "./assembler_options.ts";
import type { ChunkedPayload } from "./chunked_payload.ts";
import { CreditDesk, type Line, type Progress } from "./_credit_desk.ts";
import { type ChunkInfo, ownHeaders, parseChunkHeaders } from "./_headers.ts";
import { acknowledge, asJetStream, handBack, type NatsMessage } from "./_held_message.ts";
import type { PushResult } from "./push_result.ts";
import type { RejectedEvent, RejectReason } from "./rejected_event.ts";
import { SteadyClock } from "./_steady_clock.ts";
import { type Refusal, type Upload, UploadTable } from "./_upload_table.ts";

const TICK_MS = 500;
/** A sender that waits for its payload to be dealt with hears so often that the receiver is alive. */
const REPEAT_CREDIT_MS = 1_000;
/** Held messages are kept from being delivered again; the server's default ack wait is 30 s. */
const KEEP_ALIVE_MS = 5_000;
const MOST_GAPS = 64;

/** A payload that somebody has to settle. */
export interface PendingPayload extends ChunkedPayload {
  /** Gives the payload back without a word of judgement: the receiver leaves. */
  abandon(): void;
}

/** Takes one message after the other; see {@linkcode Assembler.push}. */
export class Assembler {
  readonly #options: CheckedAssemblerOptions;
  readonly #table: UploadTable<JsMsg>;
  readonly #desk: CreditDesk;
  readonly #pending = new Map<Upload<JsMsg>, PendingPayload>();
  readonly #clock = new SteadyClock(TICK_MS * 2);
  /** Credit that is due as soon as the messages at hand are through. */
  readonly #dueCredit = new Set<Line>();
  #tick: ReturnType<typeof setInterval> | undefined;
  #creditTimer: ReturnType<typeof setTimeout> | undefined;
  #repeatedAt = 0;
  #keptAliveAt = 0;
  #closed = false;

  /** Called when room has become free. */
  onFreed: () => void = () => {};

  constructor(options: CheckedAssemblerOptions, startHash: () => Sha256) {
    this.#options = options;
    this.#table = new UploadTable(options, startHash);
    this.#desk = new CreditDesk(inboundBudget(options.connection));
  }

  /** Whether nothing is arriving: all the room is taken by whole payloads that nobody has settled yet. */
  get onlyPending(): boolean {
    return this.#pending.size > 0 && this.#pending.size === this.#table.uploads.size;
  }

  /** Takes a message and does what follows from it. Never throws for what a message contains. */
  push(message: NatsMessage): PushResult {
    if (this.#closed) throw new Error("the assembler is closed");
    const parsed = parseChunkHeaders(message.headers);
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
    for (const upload of [...this.#table.uploads.values()]) {
      this.#give(
        upload,
        { reason: "abandoned", message: "the receiver was closed", final: true },
        0,
      );
    }
    this.#runTimers();
  }

  #take(message: NatsMessage, info: ChunkInfo, now: number): PushResult {
    const stored = asJetStream(message);
    const sender = !stored && info.credit ? respondable(message as Msg) : undefined;
    if (info.ask !== undefined && !sender) return { type: "ignored" };

    const { uploadId } = info;
    const ending = this.#table.ended.get(uploadId, info.index === 0, now);
    if (ending) {
      if (sender) this.#desk.end(sender, info, ending);
      if (ending.status === "complete") {
        stored?.ack(); // a late repeat
        return info.ask === undefined ? duplicate(info) : { type: "ignored" };
      }
      const words = `the upload was rejected a moment ago: ${ending.reason}`;
      return this.#refuse(message, info, { reason: "rejected", message: words, final: false });
    }
    if (this.#isTaken(info, sender, stored !== undefined, now)) {
      const words = "another sender is using the upload's id";
      if (sender) this.#desk.end(sender, info, { status: "rejected", reason: "taken" });
      return this.#refuse(message, info, { reason: "taken", message: words, final: true });
    }
    const refusal = this.#table.refusal(info);
    if (refusal) {
      if (sender) this.#desk.end(sender, info, { status: "rejected", reason: refusal.message });
      return this.#refuse(message, info, refusal);
    }

    const line = sender && this.#desk.hear(info, sender, now);
    const known = this.#table.uploads.get(uploadId);
    if (line && known && !line.flow.admitted) this.#desk.received(line, known.store.receivedBytes);
    if (info.ask !== undefined) {
      if (line) this.#answer(line, now);
      else this.#desk.turnAway(sender!, info);
      return { type: "ignored" };
    }
    if (sender && !line) {
      const words = "too many senders wait for credit";
      return this.#refuse(message, info, { reason: "full", message: words, final: false });
    }
    return this.#offer(message, info, line, now);
  }

  #offer(message: NatsMessage, info: ChunkInfo, line: Line | undefined, now: number): PushResult {
    const stored = asJetStream(message);
    if (!this.#table.uploads.has(info.uploadId)) this.#makeRoom(info.totalSize, now);
    const verdict = this.#table.offer(info, message.data, message.headers!, stored, now);
    switch (verdict.type) {
      case "refused":
        if (line && verdict.refusal.reason === "full") this.#answer(line, now);
        return this.#refuse(message, info, verdict.refusal);
      case "duplicate":
        this.#settleDuplicate(stored, verdict.upload);
        if (line) this.#owe(line, now);
        return duplicate(info);
      case "corrupt":
        // The last message was held like the others, so giving the upload up settles it too.
        this.#give(verdict.upload, verdict.refusal, undefined, now);
        return { type: "rejected", event: eventOf(verdict.refusal, "upload", info, message) };
      case "accepted":
      case "whole": {
        if (line) {
          this.#desk.received(line, message.data.length);
          this.#owe(line, now);
        }
        if (verdict.type === "accepted") {
          return { type: "accepted", uploadId: info.uploadId, chunkIndex: info.index };
        }
        const payload = this.#payload(verdict.upload, verdict.data, verdict.digest);
        this.#pending.set(verdict.upload, payload);
        return { type: "complete", payload };
      }
    }
  }

  /** Whether the id belongs to a sender other than the one of this message. */
  #isTaken(info: ChunkInfo, sender: Msg | undefined, stored: boolean, now: number): boolean {
    if (stored) return false;
    if (this.#desk.isTaken(info.uploadId, sender?.reply ?? "", now)) return true;
    if (!sender || this.#desk.get(info.uploadId)) return false;
    // An upload that goes on without credit, from a version-1 sender or a stream, is not this sender's.
    const upload = this.#table.uploads.get(info.uploadId);
    return upload !== undefined && (upload.whole || now - upload.heardAt < 10_000);
  }

  /** A copy of a chunk that is here: settled at once, unless it is a message that is held, delivered again. */
  #settleDuplicate(stored: JsMsg | undefined, upload: Upload<JsMsg>): void {
    if (!stored) return;
    const isHeld = upload.held.some((held) =>
      held.info.streamSequence === stored.info.streamSequence &&
      held.info.stream === stored.info.stream
    );
    if (!isHeld) stored.ack();
  }

  #makeRoom(totalSize: number, now: number): void {
    if (this.#table.fits(totalSize)) return;
    const mayGiveWay = (upload: Upload<JsMsg>): boolean => {
      const line = this.#desk.get(upload.info.uploadId);
      return line === undefined || line.flow.window > 0;
    };
    for (const upload of this.#table.makeRoom(totalSize, now, mayGiveWay)) {
      const message = "it sent nothing for five seconds, and another upload needed the room";
      this.#give(upload, { reason: "evicted", message, final: false }, undefined, now);
    }
  }

  #answer(line: Line, now: number): void {
    if (!line.flow.admitted) this.#makeRoom(line.info.totalSize, now);
    this.#desk.credit(line, this.#progress(line), this.#hasRoom(line));
    this.#dueCredit.delete(line);
  }

  #owe(line: Line, now: number): void {
    if (this.#desk.isCreditDue(line)) return this.#answer(line, now);
    this.#dueCredit.add(line);
    this.#creditTimer ??= setTimeout(() => this.#payCredit(), 0);
  }

  #payCredit(): void {
    this.#creditTimer = undefined;
    for (const line of this.#dueCredit) {
      this.#desk.credit(line, this.#progress(line), this.#hasRoom(line));
    }
    this.#dueCredit.clear();
    this.#serveWaiting();
  }

  #serveWaiting(): void {
    this.#desk.serveWaiting(
      this.#clock.now(),
      (line) => this.#progress(line),
      (line) => this.#hasRoom(line),
    );
  }

  #progress({ info: { uploadId, chunkCount } }: Line): Progress {
    const upload = this.#table.uploads.get(uploadId);
    if (!upload) return { next: 0, missing: [] };
    if (upload.whole) return { next: chunkCount, missing: [] };
    return { next: upload.store.next, missing: upload.store.gaps(MOST_GAPS) };
  }

  /** Whether the upload has its room, or could get it, considering what others were promised. */
  #hasRoom(line: Line): boolean {
    if (line.flow.admitted || line.flow.window > 0) return true;
    const promised = this.#desk.promised();
    return this.#table.fits(line.info.totalSize + promised.bytes, promised.uploads + 1);
  }

  #payload(upload: Upload<JsMsg>, data: Uint8Array, digest: string): PendingPayload {
    const { uploadId, filename, contentType, totalSize: size } = upload.info;
    /** Returns whether this call is the one that settles. */
    const settle = (): boolean => this.#pending.delete(upload);
    return {
      uploadId,
      data,
      size,
      filename,
      contentType,
      digest,
      headers: ownHeaders(upload.headers),
      ack: async () => {
        if (!settle()) return;
        this.#finish(upload, "complete");
        await acknowledge(upload.held);
      },
      nak: (delay) => {
        if (!settle()) return;
        this.#give(upload, {
          reason: "rejected",
          message: "the receiver rejected the payload",
          final: false,
        }, delay);
      },
      abandon: () => {
        if (!settle()) return;
        this.#give(upload, { reason: "abandoned", message: "the receiver left", final: false }, 0);
      },
    };
  }

  /** Gives an upload up: its messages go back or are termed, its sender hears why. */
  #give(
    upload: Upload<JsMsg>,
    refusal: Refusal,
    delay?: number,
    now: number = this.#clock.now(),
  ): void {
    for (const held of upload.held) {
      if (refusal.reason === "digest") held.term(refusal.message);
      else handBack(held, delay);
    }
    const comesBack = refusal.reason === "evicted" || refusal.reason === "idle" ||
      upload.held.length > 0;
    if (comesBack && refusal.reason !== "digest") this.#forget(upload);
    else this.#finish(upload, "rejected", wordsFor(refusal), now);
    this.#tell(eventOf(refusal, "upload", upload.info));
  }

  /** The upload has ended: its sender is told, and its id is remembered. */
  #finish(
    upload: Upload<JsMsg>,
    status: "complete" | "rejected",
    reason?: string,
    now: number = this.#clock.now(),
  ): void {
    const { info } = upload;
    this.#table.ended.add(info.uploadId, { status, reason, chunkCount: info.chunkCount, at: now });
    const line = this.#desk.get(info.uploadId);
    if (line) this.#desk.end(line.message, { ...info, ask: line.ask }, { status, reason });
    this.#forget(upload);
  }

  #forget(upload: Upload<JsMsg>): void {
    const line = this.#desk.get(upload.info.uploadId);
    if (line) this.#dueCredit.delete(line);
    this.#desk.close(upload.info.uploadId);
    this.#table.remove(upload);
    if (!this.#closed) this.#serveWaiting();
    this.onFreed();
  }

  /** Refuses one message and leaves everything else as it was. */
  #refuse(
    message: NatsMessage,
    about: { uploadId: string | undefined; index?: number },
    refusal: Refusal,
  ): PushResult {
    const stored = asJetStream(message);
    if (refusal.final) stored?.term(refusal.message);
    else if (stored) handBack(stored);
    const event = eventOf(
      refusal,
      refusal.reason === "too-large" ? "upload" : "chunk",
      about,
      message,
    );
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
    const isBusy = !this.#closed && (this.#table.uploads.size > 0 || !this.#desk.isQuiet);
    if (isBusy) {
      this.#tick ??= setInterval(() => this.#onTick(), TICK_MS);
    } else {
      clearInterval(this.#tick);
      clearTimeout(this.#creditTimer);
      this.#tick = this.#creditTimer = undefined;
      this.#clock.rest();
    }
  }

  #onTick(): void {
    const now = this.#clock.now();
    for (const upload of this.#table.takeIdle(now)) {
      const message =
        `no chunk came for ${this.#options.idleTimeout} ms, ${upload.store.receivedBytes} of ` +
        `${upload.info.totalSize} bytes had`;
      this.#give(upload, { reason: "idle", message, final: false }, undefined, now);
    }
    if (now - this.#repeatedAt >= REPEAT_CREDIT_MS) {
      this.#repeatedAt = now;
      for (const { info } of this.#pending.keys()) {
        const line = this.#desk.get(info.uploadId);
        if (line) this.#desk.credit(line, this.#progress(line), true);
      }
    }
    if (now - this.#keptAliveAt >= KEEP_ALIVE_MS) {
      this.#keptAliveAt = now;
      for (const { held } of this.#table.uploads.values()) {
        for (const message of held) message.working();
      }
    }
    this.#desk.tidy(now);
    this.#serveWaiting();
    this.#runTimers();
  }
}

/** A core message that can be answered. A reply subject of JetStream is an ack subject: nothing else goes there. */
function respondable(message: Msg): Msg | undefined {
  return message.reply && !message.reply.startsWith("$JS.") ? message : undefined;
}

function duplicate({ uploadId, index }: ChunkInfo): PushResult {
  return { type: "duplicate", uploadId, chunkIndex: index };
}

function wordsFor({ reason, message }: Refusal): string {
  const codes: readonly RejectReason[] = ["abandoned", "taken"];
  return codes.includes(reason) ? reason : message;
}

function eventOf(
  refusal: Refusal,
  scope: RejectedEvent["scope"],
  about: { uploadId: string | undefined; index?: number },
  message?: NatsMessage,
): RejectedEvent {
  return {
    reason: refusal.reason,
    message: refusal.message,
    scope,
    ...(about.uploadId !== undefined && { uploadId: about.uploadId }),
    ...(message && about.index !== undefined && { chunkIndex: about.index }),
    ...(message && { subject: message.subject }),
  };
}
