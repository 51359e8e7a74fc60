/**
 * The receiver of a stream: sorts what the consumer delivers, admits uploads, and sees to it that none holds up the
 * others.
 *
 * @module
 */
import type { Msg } from "@nats-io/nats-core";
import { nameClosed, watchConnection } from "../../_connection.ts";
import { apiCode, STREAM_NOT_FOUND } from "../../_jetstream/api_code.ts";
import { countGarbage } from "../../_garbage.ts";
import { type Delivery, parseDelivery } from "../../_jetstream/delivery.ts";
import { settle, type Settlement } from "../../_jetstream/lease.ts";
import { AckPendingLimitError, ConnectionClosedError, NoConsumerError } from "../../errors.ts";
import type { Refusal } from "../_format/conflict.ts";
import { type ChunkInfo, parseChunkMessage } from "../_format/headers.ts";
import { eventOf, EVICTED } from "../_intake/refusals.ts";
import { judgeTicket } from "./stream_admission.ts";
import { type GivingUp, StreamIntake } from "./stream_intake.ts";
import { Orphans } from "./stream_orphans.ts";
import { Pulls } from "./stream_pulls.ts";
import { DeliveryWatch } from "./stream_watch.ts";
import { nakDelay, type StreamWorld } from "./stream_world.ts";
import { Tombstones } from "../_intake/tombstones.ts";

const MiB = 1024 * 1024;
/** Live uploads hold so much together, what is being pulled for them included; the rest of the budget is for pages. */
const LIVE_BYTES = 10 * MiB;
const LARGEST_PAGE = 4 * MiB;
const TICK_MS = 250;
/** So long nobody waits for what another one holds up. */
const PATIENCE_MS = 2_000;
const SMALLEST_PAGE = 1 * MiB;
/** Where there is no room for another upload, one whose chunks have not come for so long gives way. */
const GIVES_WAY_AFTER_MS = 5_000;
/** A rejected id may begin anew after this time. */
const REJECTED_FOR_MS = 10_000;

const NO_CHUNK: Refusal = {
  reason: "malformed",
  message: "the message is no chunk of an upload",
  final: true,
};
const STOPPED: GivingUp = {
  refusal: { reason: "abandoned", message: "the receiver stops", final: false },
  settlement: { type: "nak", delay: 0 },
};

/** Runs until it is stopped, or fails. */
export class StreamReceiver {
  /** Resolves when it has stopped; rejects when it could not go on. */
  readonly closed: Promise<void>;

  readonly #world: StreamWorld;
  readonly #closed = Promise.withResolvers<void>();
  readonly #intakes = new Map<string, StreamIntake>();
  readonly #endings = new Set<Promise<unknown>>();
  readonly #ended = new Tombstones();
  readonly #orphans: Orphans;
  readonly #watch: DeliveryWatch;
  readonly #pulls: Pulls;
  readonly #unwatch: () => void;
  readonly #ticking: ReturnType<typeof setInterval>;
  #tickedAt = performance.now();
  #stopping: Promise<void> | undefined;
  #failed = false;

  /** Begins to pull. */
  constructor(world: Omit<StreamWorld, "fail">) {
    this.closed = this.#closed.promise;
    this.closed.catch(() => {}); // whoever looks at it hears of it
    this.#world = { ...world, fail: (error) => this.#fail(error) };
    this.#orphans = new Orphans(this.#world);
    this.#watch = new DeliveryWatch(this.#world);
    const gate = {
      room: (underWay: number) => LIVE_BYTES - underWay - this.#liveBytes(),
      slots: (underWay: number) => this.#slots(underWay),
    };
    this.#pulls = new Pulls(this.#world, gate, (message, granted) => {
      try {
        this.#take(message, granted);
      } catch (error) {
        this.#fail(error); // thrown on, it would end the connection
      }
    });
    const { nc, reader } = world;
    this.#unwatch = watchConnection(nc, {
      onDisconnect: () => {
        this.#pulls.interrupt();
        reader.interrupt();
      },
      onError: (error) => this.#onServerError(error),
      onClose: () => this.#fail(new ConnectionClosedError()),
    });
    this.#ticking = setInterval(() => this.#onTick(), TICK_MS);
  }

  /** Takes in nothing new, lets what has begun end within `timeout`, and gives up the rest. */
  stop(timeout: number): Promise<void> {
    this.#stopping ??= this.#windUp();
    const giveUp = setTimeout(() => {
      for (const intake of this.#intakes.values()) intake.giveUp(STOPPED);
    }, timeout);
    return this.#stopping.finally(() => clearTimeout(giveUp));
  }

  async #windUp(): Promise<void> {
    await this.#pulls.stop();
    for (const intake of this.#intakes.values()) intake.toReplay();
    while (this.#endings.size > 0) await Promise.all(this.#endings);
    await this.#release();
    this.#closed.resolve();
  }

  #fail(error: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    const { nc, facts } = this.#world;
    const { stream, consumer } = facts;
    const isGone = apiCode(error) === STREAM_NOT_FOUND;
    this.#closed.reject(
      isGone ? new NoConsumerError(stream, consumer, { cause: error }) : nameClosed(error),
    );
    // The server may not be there to confirm it, and whoever closes a receiver need not wait for that.
    for (const intake of this.#intakes.values()) {
      const { ack } = intake.delivery;
      intake.giveUp({ ...STOPPED, settlement: undefined });
      if (!intake.isLost) settle(nc, ack, { type: "nak", delay: facts.ackWait / 30 });
    }
    this.#stopping ??= (async () => {
      await this.#pulls.stop();
      await this.#release();
    })();
  }

  async #release(): Promise<void> {
    clearInterval(this.#ticking);
    this.#unwatch();
    await this.#orphans.close();
  }

  /** One message of the consumer; `granted` bytes of the budget are set aside for it. */
  #take(message: Msg, granted: number): void {
    countGarbage(message.data.length);
    const delivery = parseDelivery(message.reply);
    if (!delivery) return;
    this.#watch.note(delivery);
    const parsed = parseChunkMessage(message);
    if (parsed.type === "foreign") {
      return this.#refuse({ uploadId: undefined }, message, delivery, NO_CHUNK);
    }
    if (parsed.type === "malformed") {
      const refusal: Refusal = { reason: "malformed", message: parsed.problem, final: true };
      return this.#refuse(parsed, message, delivery, refusal);
    }
    const { info } = parsed;
    // A stream keeps what was a question to those who listened then.
    if (info.ask !== undefined) return this.#settle(delivery, { type: "ack" });
    const intake = this.#intakes.get(info.uploadId);
    if (info.index === 0 && intake?.delivery.sequence === delivery.sequence) {
      return intake.renew(delivery);
    }
    if (intake && !intake.isOver) {
      return intake.take(info, message.subject, message.data, delivery, granted);
    }
    if (info.index === 0) this.#takeTicket(info, message, delivery);
    else this.#takeOrphan(info, message, delivery);
  }

  #takeTicket(info: ChunkInfo, message: Msg, delivery: Delivery): void {
    const { facts, options } = this.#world;
    const ending = this.#ended.get(info.uploadId, true, performance.now());
    if (ending?.status === "complete") return this.#settle(delivery, { type: "ack" });
    if (ending) return this.#settle(delivery, { type: "nak", delay: REJECTED_FOR_MS });
    if (this.#stopping) return this.#settle(delivery, STOPPED.settlement!);

    const shape = judgeTicket(info, message, options);
    if ("reason" in shape) {
      this.#refuse(info, message, delivery, shape);
      return this.#remember(info, "rejected");
    }
    if (!this.#makeRoom()) {
      const words = `${this.#intakes.size} of ${options.maxUploads} uploads are taken`;
      const refusal: Refusal = { reason: "full", message: words, final: false };
      return this.#refuse(info, message, delivery, refusal);
    }
    const { maxAckPending, stream, consumer } = facts;
    if (this.#world.holdsBodies && maxAckPending !== undefined) {
      const chunks = info.chunkCount + this.#admittedChunks();
      if (chunks > maxAckPending) {
        this.#settle(delivery, { type: "nak", delay: nakDelay(delivery.deliveryCount) });
        return this.#fail(new AckPendingLimitError(stream, consumer, maxAckPending, chunks));
      }
    }
    const { headers, subject, data } = message;
    this.#admit({ info, delivery, subject, headers: headers!, data, ...shape });
  }

  #admit(ticket: ConstructorParameters<typeof StreamIntake>[1]): void {
    const { info } = ticket;
    this.#orphans.forget(info.uploadId);
    const intake = new StreamIntake(this.#world, ticket, {
      onConsumed: () => this.#pulls.wake(),
      pageBytes: () => {
        const share = Math.floor(LIVE_BYTES / Math.max(1, this.#intakes.size));
        return Math.min(LARGEST_PAGE, Math.max(SMALLEST_PAGE, share));
      },
    });
    this.#intakes.set(info.uploadId, intake);
    const settled = intake.ended.then((ending) => {
      if (ending !== "comes-again") this.#remember(info, ending);
      if (this.#intakes.get(info.uploadId) === intake) this.#intakes.delete(info.uploadId);
      this.#endings.delete(settled);
      this.#pulls.wake();
    });
    this.#endings.add(settled);
  }

  /** A chunk whose upload is not received here. */
  #takeOrphan(info: ChunkInfo, { subject }: Msg, delivery: Delivery): void {
    const { holdsBodies } = this.#world;
    const ending = this.#ended.get(info.uploadId, false, performance.now());
    if (!holdsBodies || ending?.status === "complete") {
      return this.#settle(delivery, { type: "ack" });
    }
    if (ending || this.#orphans.isTicketless(info.uploadId)) {
      return this.#settle(delivery, { type: "term", reason: "the upload's first chunk is gone" });
    }
    this.#orphans.note(info.uploadId, subject, info.index, delivery);
    this.#settle(delivery, { type: "nak", delay: nakDelay(delivery.deliveryCount, 500) });
  }

  #settle({ ack }: Delivery, settlement: Settlement): void {
    settle(this.#world.nc, ack, settlement);
  }

  /** Refuses one message and leaves everything else as it was. */
  #refuse(
    about: { uploadId: string | undefined; index?: number },
    message: Msg,
    delivery: Delivery,
    refusal: Refusal,
  ): void {
    this.#settle(
      delivery,
      refusal.final
        ? { type: "term", reason: refusal.message }
        : { type: "nak", delay: nakDelay(delivery.deliveryCount) },
    );
    const scope = refusal.reason === "too-large" ? "upload" : "chunk";
    this.#world.tell(eventOf(refusal, scope, about, message));
  }

  #remember({ uploadId, chunkCount }: ChunkInfo, status: "complete" | "rejected"): void {
    this.#ended.add(uploadId, { status, reason: undefined, chunkCount, at: performance.now() });
  }

  /** Whether there is room for one more upload, after one that gets nothing has given way. */
  #makeRoom(): boolean {
    if (this.#intakes.size < this.#world.options.maxUploads) return true;
    const idle = [...this.#intakes.values()]
      .filter(({ hungryFor }) => hungryFor >= GIVES_WAY_AFTER_MS)
      .sort((a, b) => b.hungryFor - a.hungryFor)[0];
    if (!idle) return false;
    const delay = nakDelay(idle.delivery.deliveryCount);
    idle.giveUp({ refusal: EVICTED, settlement: { type: "nak", delay } });
    this.#intakes.delete(idle.upload.info.uploadId);
    return true;
  }

  #admittedChunks(): number {
    let chunks = 0;
    for (const { upload } of this.#intakes.values()) chunks += upload.info.chunkCount;
    return chunks;
  }

  #liveBytes(): number {
    let bytes = 0;
    for (const { isLive, upload } of this.#intakes.values()) {
      if (isLive) bytes += upload.bufferedBytes;
    }
    return bytes;
  }

  /** A consumer of nothing but tickets is asked for no more of them than there is room for: others can have them. */
  #slots(underWay: number): number {
    if (!this.#world.ticketsOnly) return Infinity;
    return this.#world.options.maxUploads - this.#intakes.size - underWay;
  }

  #onTick(): void {
    const now = performance.now();
    // Time in which this process itself stood still is nobody else's silence.
    const elapsed = Math.min(now - this.#tickedAt, 2 * TICK_MS);
    this.#tickedAt = now;
    for (const intake of this.#intakes.values()) intake.onTime(elapsed);
    this.#relieve();
    if (this.#world.holdsBodies) this.#orphans.onTime(now);
  }

  /** Sees to it that nobody waits for what another one holds up, or for what will not come. */
  #relieve(): void {
    const live = [...this.#intakes.values()].filter(({ isLive }) => isLive);
    const pausedFor = this.#pulls.pausedFor;
    const starving = live.filter(({ hungryFor }) => hungryFor >= PATIENCE_MS);
    if (pausedFor >= PATIENCE_MS || (pausedFor > 0 && starving.length > 0)) {
      const slow = live.sort((a, b) => b.upload.bufferedBytes - a.upload.bufferedBytes)[0];
      slow?.toReplay();
      for (const intake of starving) if (intake !== slow) intake.forgive();
      this.#pulls.wake();
      return;
    }
    if (starving.length > 0) this.#watch.onWaiting();
    for (const intake of live) {
      const { hungryFor, gapFor, patience } = intake;
      const isLeftOut = hungryFor >= patience && this.#watch.hasLeftOut(hungryFor);
      if (gapFor >= patience || isLeftOut) intake.toReplay();
    }
  }

  /** What the server refuses without an answer: it would otherwise look like silence. */
  #onServerError(error: Error): void {
    if (error.name !== "PermissionViolationError") return;
    const { js, facts: { stream } } = this.#world;
    const { subject = "" } = error as { subject?: string };
    const isOurs = subject.startsWith(`${js.apiPrefix}.`) && subject.split(".").includes(stream);
    if (isOurs && /\.(DIRECT\.GET|CONSUMER\.MSG\.NEXT)\./.test(subject)) this.#fail(error);
  }
}
