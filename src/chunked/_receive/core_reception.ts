/**
 * Takes chunks off core NATS into handlers: credit for those who wait for it, as much as the buffer can hold and the
 * handlers take.
 *
 * @module
 */
import type { Msg } from "@nats-io/nats-core";
import type { Budget } from "../../_budget.ts";
import type { Sha256 } from "../../_digest.ts";
import type { UploadHandler } from "../../_upload.ts";
import { UploadAbandonedError } from "../../errors.ts";
import { chunkSizeFrom } from "../_format/chunk_shape.ts";
import type { Refusal } from "../_format/conflict.ts";
import { Crediting } from "../_intake/crediting.ts";
import { type Arrival, duplicate, Intake } from "../_intake/intake.ts";
import type { PushResult } from "../push_result.ts";
import type { CheckedReceiveOptions } from "../receive_options.ts";
import {
  ABANDONED,
  eventOf,
  EVICTED,
  handlerFailure,
  idleFor,
  OVERRUN,
  reasonFor,
} from "../_intake/refusals.ts";
import { type StreamingEntry, StreamingTable } from "./streaming_table.ts";
import { type Outcome, StreamingUpload } from "./streaming_upload.ts";
import { Ticker } from "../_intake/ticker.ts";
import type { Timers } from "../_intake/timers.ts";

/** A sender whose chunks wait for the handler hears so often that the receiver is alive. */
const REPEAT_CREDIT_MS = 1_000;

/** What the receiver stands on; tests replace it. */
export interface ReceptionWorld {
  readonly startHash: () => Sha256;
  /** Bytes under way and bytes held, together. */
  readonly inbound: Budget;
  readonly timers: Timers;
}

/** Takes one message after the other; see {@linkcode CoreReception.push}. */
export class CoreReception {
  readonly #handler: UploadHandler;
  readonly #options: CheckedReceiveOptions;
  readonly #world: ReceptionWorld;
  readonly #table: StreamingTable;
  readonly #crediting: Crediting;
  readonly #intake: Intake;
  readonly #ticker: Ticker;
  /** Handlers that have not settled, those included whose uploads were given up. */
  readonly #handlers = new Set<Promise<void>>();
  #repeatedAt = 0;
  #isLeaving = false;
  #isClosed = false;

  /** Called when the last upload that was under way has ended. */
  onQuiet: () => void = () => {};

  constructor(handler: UploadHandler, options: CheckedReceiveOptions, world: ReceptionWorld) {
    this.#handler = handler;
    this.#options = options;
    this.#world = world;
    const { inbound, timers } = world;
    const table = this.#table = new StreamingTable(options);
    const isBusy = (): boolean =>
      !this.#isClosed && (table.size > 0 || !this.#crediting.desk.isQuiet);
    this.#ticker = new Ticker(timers, isBusy, (now) => this.#onTick(now));
    this.#crediting = new Crediting(table, { inbound, timers, now: this.#ticker.now });
    this.#intake = new Intake({
      refusal: (info) => table.refusal(info),
      makeRoom: (_info, now) => this.#makeRoom(now),
      offer: (arrival) => this.#offer(arrival),
      onRejected: options.onRejected,
      isWelcome: ({ uploadId }) => !this.#isLeaving || table.get(uploadId) !== undefined,
    }, this.#crediting);
  }

  /** Whether no upload is under way. */
  get isQuiet(): boolean {
    return this.#table.size === 0;
  }

  /** Resolves when every handler has settled that was started so far. */
  async settled(): Promise<void> {
    await Promise.all(this.#handlers);
  }

  /** Takes a message and does what follows from it. Never throws for what a message contains. */
  push(message: Msg): PushResult {
    if (this.#isClosed) return { type: "ignored" };
    const result = this.#intake.take(message, this.#ticker.now());
    this.#ticker.refresh();
    return result;
  }

  /** From now on no upload begins, as if nobody listened. */
  leave(): void {
    this.#isLeaving = true;
  }

  /** Gives up what is not whole: nothing will come any more. */
  abandonUnfinished(): void {
    for (const entry of this.#table.entries) {
      if (!entry.upload.isWhole) this.#giveUp(entry, ABANDONED);
    }
  }

  /** Gives everything up, and stops. */
  close(): void {
    if (this.#isClosed) return;
    this.#isLeaving = true;
    for (const entry of this.#table.entries) this.#giveUp(entry, ABANDONED);
    this.#isClosed = true;
    this.#crediting.close();
    this.#ticker.refresh();
  }

  #offer(arrival: Arrival): PushResult {
    const { message, info, sender, now } = arrival;
    const entry = this.#table.get(info.uploadId) ?? this.#begin(arrival);
    if (!("upload" in entry)) return this.#turnAway(arrival, entry);

    const { data } = message;
    const granted = this.#grantedFor(arrival);
    const result = this.#hasRoom(entry.upload, info.index, data.length, granted)
      ? entry.upload.offer(info, data, granted)
      : "no-room";
    if (typeof result !== "string") return this.#intake.refuse(message, info, result, sender);
    if (result === "no-room" && !sender) {
      this.#giveUp(entry, OVERRUN);
      return { type: "rejected", event: eventOf(OVERRUN, "upload", info, message) };
    }
    if (result === "taken") entry.heardAt = now;
    if (sender) {
      // What there is no room for is not taken over, so that its sender sends it again.
      const bytes = result === "taken" ? data.length : 0;
      this.#crediting.owe(this.#crediting.hear(info, sender, now, bytes), now);
    }
    if (result !== "taken") return duplicate(info);
    return { type: "accepted", uploadId: info.uploadId, chunkIndex: info.index };
  }

  #begin(arrival: Arrival): StreamingEntry | Refusal {
    const { message, info, now } = arrival;
    const { length } = message.data;
    const shape = chunkSizeFrom(info, length);
    if ("problem" in shape) return { reason: "length", message: shape.problem, final: true };
    this.#makeRoom(now);
    if (!this.#table.fits(info.totalSize)) return this.#table.full();
    if (!this.#hasRoom(undefined, info.index, length, this.#grantedFor(arrival))) return OVERRUN;

    const { startHash, inbound: buffer, timers } = this.#world;
    const upload = new StreamingUpload({
      info,
      chunkSize: shape.chunkSize,
      headers: message.headers!,
      subject: message.subject,
      deliveryCount: 1,
      startHash,
      handler: this.#handler,
      handlerTimeout: this.#options.handlerTimeout,
      timers,
      buffer,
      onConsumed: () => this.#onHandlerMoved(entry),
      onHungry: () => this.#onHandlerMoved(entry),
    });
    const entry = { info, upload, heardAt: now, fedAt: now };
    this.#table.add(entry);
    void upload.outcome.then((outcome) => this.#onOutcome(entry, outcome));
    const running = upload.settled.finally(() => this.#handlers.delete(running));
    this.#handlers.add(running);
    return entry;
  }

  /** The bytes of the inbound budget that do not stand in this chunk's way. */
  #grantedFor({ message, info, sender }: Arrival): number {
    const { desk } = this.#crediting;
    const { length } = message.data;
    const window = desk.get(info.uploadId)?.flow.window ?? 0;
    // What its window covers, and what waits for no credit, goes by what is held, not by what may yet come.
    return !sender || window >= length ? desk.granted : window;
  }

  /** What goes right on to a handler that waits for it takes no room. */
  #hasRoom(
    upload: StreamingUpload | undefined,
    index: number,
    bytes: number,
    granted: number,
  ): boolean {
    const { inbound } = this.#world;
    const next = upload?.next ?? 0;
    if (upload?.has(index) || (upload?.isHungry && index === next)) return true;
    const used = inbound.used - granted;
    if (used === 0 && index === next) return true;
    return used + bytes <= (index > next ? inbound.size / 2 : inbound.size);
  }

  /** The upload cannot begin. */
  #turnAway({ message, info, sender, now }: Arrival, refusal: Refusal): PushResult {
    if (sender && refusal.reason === "full") this.#crediting.desk.turnAway(sender, info, now);
    // The rest of what a sender without credit sends would else begin an upload that lacks its beginning.
    else if (refusal.reason === "full") {
      this.#intake.finish(info, "rejected", now, refusal.message);
    }
    return this.#intake.refuse(message, info, refusal, sender);
  }

  #makeRoom(now: number): void {
    if (this.#table.fits(0)) return;
    const idle = this.#table.mostIdle(now, this.#idleSince);
    if (idle) this.#giveUp(idle, EVICTED);
  }

  #idleSince = (entry: StreamingEntry): number =>
    Math.max(entry.fedAt, this.#crediting.idleSince(entry));

  #onHandlerMoved(entry: StreamingEntry): void {
    entry.fedAt = this.#ticker.now();
    this.#crediting.remind(this.#crediting.desk.get(entry.info.uploadId));
  }

  #onOutcome(entry: StreamingEntry, outcome: Outcome): void {
    if (this.#table.get(entry.info.uploadId) !== entry) return; // given up before
    if (outcome.type === "handled") {
      this.#intake.finish(entry.info, "complete", this.#ticker.now());
      this.#forget(entry);
    } else if (outcome.type === "failed") {
      const { error, permanent } = outcome;
      this.#reject(entry, handlerFailure(error, permanent), error);
    } else if (outcome.type === "corrupt") {
      this.#reject(entry, outcome.refusal);
    }
  }

  /** The upload has ended badly: its sender is told, and its id is remembered. */
  #reject(entry: StreamingEntry, refusal: Refusal, error?: unknown): void {
    this.#intake.finish(entry.info, "rejected", this.#ticker.now(), reasonFor(refusal));
    this.#forget(entry);
    const event = eventOf(refusal, "upload", entry.info);
    this.#intake.tell(refusal.reason === "failed" ? { ...event, error } : event);
  }

  /** Ends an upload that its handler has not ended. One that gave way, or fell silent, may come again. */
  #giveUp(entry: StreamingEntry, refusal: Refusal): void {
    const { reason, message } = refusal;
    const { uploadId } = entry.info;
    if (reason === "evicted" || reason === "idle") {
      this.#forget(entry);
      this.#intake.tell(eventOf(refusal, "upload", entry.info));
    } else {
      this.#reject(entry, refusal);
    }
    entry.upload.abandon(new UploadAbandonedError(uploadId, reason, message));
  }

  #forget(entry: StreamingEntry): void {
    if (!this.#table.remove(entry)) return;
    this.#crediting.forget(entry.info.uploadId);
    this.#crediting.remind(undefined);
    if (this.#table.size === 0) this.onQuiet();
  }

  #onTick(now: number): void {
    const { desk } = this.#crediting;
    for (const entry of this.#table.idle(now, this.#idleSince)) {
      const { info, upload } = entry;
      this.#giveUp(entry, idleFor(this.#options.idleTimeout, info, upload.receivedBytes));
    }
    if (now - this.#repeatedAt >= REPEAT_CREDIT_MS) {
      this.#repeatedAt = now;
      for (const { info, upload } of this.#table.entries) {
        const line = desk.get(info.uploadId);
        if (line && (upload.isWhole || upload.waitingBytes > 0)) this.#crediting.answer(line, now);
      }
    }
    desk.tidy(now);
    this.#crediting.serveWaiting(now);
  }
}
