/**
 * One upload that is received from a stream: its ticket, its bytes, and what becomes of both.
 *
 * @module
 */
import type { MsgHdrs } from "@nats-io/nats-core";
import { apiCode, STREAM_NOT_FOUND } from "../../_jetstream/api_code.ts";
import { ask } from "../../_jetstream/describe_stream.ts";
import type { Delivery } from "../../_jetstream/delivery.ts";
import { Lease, settle } from "../../_jetstream/lease.ts";
import { hasName } from "../../_retry.ts";
import { UploadAbandonedError } from "../../errors.ts";
import type { Refusal } from "../_format/conflict.ts";
import type { ChunkInfo } from "../_format/headers.ts";
import { eventOf } from "../_intake/refusals.ts";
import { endingBadly, type GivingUp, idle, lost, unreadable } from "./giving_up.ts";
import { Replay } from "./stream_replay.ts";
import type { DeliveryWatch } from "./stream_watch.ts";
import { bodySubject, type StreamWorld } from "./stream_world.ts";
import { type Outcome, StreamingUpload } from "../_receive/streaming_upload.ts";
import { systemTimers } from "../_intake/timers.ts";

/** The first chunk of an upload, as it was delivered. */
export interface Ticket {
  readonly info: ChunkInfo;
  readonly delivery: Delivery;
  readonly subject: string;
  readonly headers: MsgHdrs;
  readonly data: Uint8Array;
  readonly chunkSize: number;
  /** Whether every chunk has a subject of its own (PROTOCOL 5). */
  readonly isPerChunk: boolean;
  /** What came of the upload while it had no place; `undefined` where nothing is known, and the stream has to tell. */
  readonly known: { readonly first: number; readonly last: number } | "nothing" | undefined;
}

/** What is missing for so long is looked for in the stream, unless it usually takes longer to come. */
const LEAST_PATIENCE_MS = 2_000;

/** What an intake needs of its receiver. */
export interface StreamIntakeHooks {
  /** The handler took something. */
  readonly onConsumed: () => void;
  /** How many bytes a page may have at the moment. */
  readonly pageBytes: () => number;
  /** How far the consumer is. */
  readonly watch: DeliveryWatch;
}

/** An upload that kept others waiting may be evicted when nothing of it was stored for so long, in milliseconds. */
const GIVES_WAY_AFTER_MS = 5_000;

/** How an upload ended, as far as its id goes. */
export type Ending = "complete" | "rejected" | "comes-again";

/**
 * An upload is live, as long as its chunks come through the consumer and fit, or in replay: then its body is read from the
 * stream, and what the consumer still delivers only tells that there is more. It never becomes live again.
 */
export class StreamIntake {
  readonly upload: StreamingUpload;
  /** Resolves when its messages are settled, or left alone. */
  readonly ended: Promise<Ending>;

  readonly #world: StreamWorld;
  readonly #ticket: Ticket;
  readonly #hooks: StreamIntakeHooks;
  readonly #lease: Lease;
  readonly #stop = new AbortController();
  #replay: Replay | undefined;
  #givingUp: GivingUp | undefined;
  #isOver = false;
  #hungryFor = 0;
  #gapFor = 0;
  /** When the last one of its chunks that came was stored, by the server's clock. */
  #heardAt: number;
  /** The sequence of the chunk up to which nothing is missing. */
  #reached: number;
  /** How long the next chunk takes to come, on average, in milliseconds. */
  #interval = 0;
  #sinceTaken = 0;

  /** Starts the handler. */
  constructor(world: StreamWorld, ticket: Ticket, hooks: StreamIntakeHooks) {
    const { nc, facts, options, handler, startHash, buffer } = world;
    const { info, delivery, subject, headers, data, chunkSize } = ticket;
    this.#world = world;
    this.#ticket = ticket;
    this.#hooks = hooks;
    this.#reached = delivery.sequence;
    this.#heardAt = delivery.storedAt;
    this.upload = new StreamingUpload({
      info,
      chunkSize,
      headers,
      subject,
      deliveryCount: delivery.deliveryCount,
      startHash,
      handler,
      handlerTimeout: options.handlerTimeout,
      timers: systemTimers,
      buffer,
      onConsumed: () => {
        this.#replay?.onRoom();
        hooks.onConsumed();
      },
      onHungry: () => this.#replay?.onRoom(),
    });
    this.#lease = new Lease(nc, delivery.ack, {
      ackWait: facts.ackWait,
      onLost: () => this.giveUp(lost(facts.ackWait)),
    });
    this.ended = this.upload.outcome.then((outcome) => this.#end(outcome));
    this.upload.offer(info, data); // the first one always has room
    const { known } = ticket;
    if (typeof known === "object") {
      this.#reached = Math.max(this.#reached, known.first - 1);
      this.toReplay(known.last);
    } else if (known === undefined && (ticket.isPerChunk || delivery.deliveryCount > 1)) {
      this.toReplay();
    }
  }

  /** The delivery of the ticket that the upload began with. */
  get delivery(): Delivery {
    return this.#ticket.delivery;
  }

  /** Whether another receiver may have the ticket. */
  get isLost(): boolean {
    return this.#lease.isLost;
  }

  /** Whether it has ended, and is only being settled. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Whether chunks go from the consumer into the upload. */
  get isLive(): boolean {
    return !this.#replay && !this.#isOver;
  }

  /** Whether it never got beyond its ticket. */
  get isBarren(): boolean {
    return this.upload.next <= 1;
  }

  /** Whether everything of it came here that the consumer delivered. */
  get hasSeenAll(): boolean {
    return this.#hooks.watch.hasSeenAllSince(this.delivery);
  }

  /** Whether its next chunk is missing although all that there is of it is here. */
  get isWaiting(): boolean {
    return this.upload.isHungry && !this.#isOver && this.#replay?.isAtEnd !== false;
  }

  /** Whether it got nothing for five seconds, or nothing was stored for so long, which may be known sooner. */
  get isDry(): boolean {
    if (this.#hungryFor >= GIVES_WAY_AFTER_MS && !this.#isOver) return true;
    if (!this.isWaiting) return false;
    const { newest, serverTime } = this.#hooks.watch;
    return (this.#replay ? serverTime : newest) - this.#heardAt >= GIVES_WAY_AFTER_MS;
  }

  /** For how long the handler has waited for bytes, in milliseconds. */
  get hungryFor(): number {
    return this.#hungryFor;
  }

  /** For how long the next chunk has been missing although later ones are here, in milliseconds. */
  get gapFor(): number {
    return this.#gapFor;
  }

  /** How long the next chunk may be missing before it is worth a look at the stream, in milliseconds. */
  get patience(): number {
    return Math.max(LEAST_PATIENCE_MS, 4 * this.#interval);
  }

  /** The ticket was delivered again while it is worked on here. */
  renew({ ack }: Delivery): void {
    this.#lease.renew(ack);
  }

  /** A chunk that the consumer delivered; `granted` bytes of the budget are set aside for it. */
  take(
    info: ChunkInfo,
    subject: string,
    data: Uint8Array,
    delivery: Delivery,
    granted: number,
  ): void {
    if (this.isLive) {
      const before = this.upload.next;
      const result = this.upload.offer(info, data, granted);
      if (typeof result === "object") {
        this.#refuse(result, info, subject);
        settle(this.#world.nc, delivery.ack, { type: "term", reason: result.message });
        return;
      }
      if (result === "no-room") this.toReplay();
      else if (result === "taken") {
        this.#heardAt = Math.max(this.#heardAt, delivery.storedAt);
        if (this.upload.next > before) this.#reached = Math.max(this.#reached, delivery.sequence);
        this.#onTaken();
      }
    } else {
      this.#replay?.onNews();
    }
    if (this.#world.holdsBodies) this.#lease.hold(delivery.sequence, delivery.ack);
    else settle(this.#world.nc, delivery.ack, { type: "ack" });
  }

  /** From now on the body is read from the stream; `until` is the sequence of its last chunk, if that is known. */
  toReplay(until?: number): void {
    if (this.#replay || this.#isOver) return;
    const { upload } = this;
    this.#replay = new Replay({
      upload,
      reader: this.#world.reader,
      subject: bodySubject(this.#ticket.subject, this.#ticket.isPerChunk),
      first: this.delivery.sequence + 1,
      from: this.#reached + 1,
      until,
      pageBytes: this.#hooks.pageBytes,
      signal: this.#stop.signal,
      onTaken: (storedAt = this.#hooks.watch.serverTime) => {
        this.#heardAt = Math.max(this.#heardAt, storedAt);
        this.#onTaken();
      },
      onRefused: (refusal, info, subject) => this.#refuse(refusal, info, subject),
      onError: (error) => this.#onReadError(error),
    });
  }

  /** Ends the upload before its time. */
  giveUp(givingUp: GivingUp): void {
    if (this.#isOver) return;
    this.#givingUp ??= givingUp;
    const { reason, message } = givingUp.refusal;
    this.upload.abandon(new UploadAbandonedError(this.upload.info.uploadId, reason, message));
  }

  /** Time has passed: gives the upload up if nothing came for too long. */
  onTime(elapsed: number): void {
    const { upload } = this;
    this.#sinceTaken += elapsed;
    if (!this.hasSeenAll) this.#replay?.onDoubt();
    this.#hungryFor = upload.isHungry ? this.#hungryFor + elapsed : 0;
    this.#gapFor = upload.bufferedBytes > upload.waitingBytes ? this.#gapFor + elapsed : 0;
    const { options } = this.#world;
    if (this.#lease.isLost || this.#hungryFor < options.idleTimeout) return;
    this.giveUp(idle(upload, this.delivery, options));
  }

  /** Another one was in its way: its own patience begins anew. */
  forgive(): void {
    this.#hungryFor = this.#gapFor = 0;
  }

  /** What ends the receiver ends it; anything else is about this upload alone. */
  #onReadError(error: unknown): void {
    const isGone = apiCode(error) === STREAM_NOT_FOUND;
    if (isGone || hasName(error, "ConnectionClosedError")) return this.#world.fail(error);
    this.giveUp(unreadable(error, this.delivery));
  }

  #onTaken(): void {
    const isFirst = this.#interval === 0;
    this.#interval += (this.#sinceTaken - this.#interval) / (isFirst ? 1 : 8);
    this.#sinceTaken = 0;
    this.#hungryFor = this.#gapFor = 0;
  }

  #refuse(refusal: Refusal, info: ChunkInfo, subject: string): void {
    this.#world.tell(eventOf(refusal, "chunk", info, { subject } as never));
  }

  async #end(outcome: Outcome): Promise<Ending> {
    this.#isOver = true;
    this.#stop.abort();
    const { tell } = this.#world;
    const { info } = this.upload;
    if (outcome.type === "handled") {
      const isConfirmed = await this.#lease.settle({ type: "ack" });
      if (isConfirmed && this.#world.options.removeWhenDone) await this.#remove();
      return "complete";
    }
    const { refusal, settlement } = outcome.type === "abandoned"
      ? this.#givingUp!
      : endingBadly(outcome, this.delivery);
    const event = eventOf(refusal, "upload", info);
    tell(outcome.type === "failed" ? { ...event, error: outcome.error } : event);
    if (settlement) await this.#lease.settle(settlement);
    else this.#lease.drop();
    return settlement?.type === "term" ? "rejected" : "comes-again";
  }

  /** What remains of an upload that is done; it is not worth failing for. */
  async #remove(): Promise<void> {
    const { js, facts } = this.#world;
    const jsm = await js.jetstreamManager(false);
    const filter = bodySubject(this.#ticket.subject, this.#ticket.isPerChunk);
    await ask(() => jsm.streams.purge(facts.stream, { filter }), {}).catch(() => {});
  }
}
