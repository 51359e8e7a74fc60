/**
 * The receiver of a stream: sorts what the consumer delivers, and admits uploads.
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
import { eventOf, malformed, NO_CHUNK } from "../_intake/refusals.ts";
import { type Ending, REJECTED_FOR_MS, Tombstones } from "../_intake/tombstones.ts";
import { cleanUp } from "../_receive/clean_up.ts";
import { STOPPED } from "./giving_up.ts";
import { type Claim, evictOne, relieve } from "./relief.ts";
import { judgeTicket } from "./stream_admission.ts";
import { StreamIntake } from "./stream_intake.ts";
import { Orphans } from "./stream_orphans.ts";
import { Pulls } from "./stream_pulls.ts";
import { keyOf, type Stray, Strays } from "./stream_strays.ts";
import { DeliveryWatch } from "./stream_watch.ts";
import { nakDelay, type StreamWorld } from "./stream_world.ts";

const MiB = 1024 * 1024;
/** Live uploads hold so much together, what is being pulled for them included; the rest of the budget is for pages. */
const LIVE_BYTES = 10 * MiB;
const SMALLEST_PAGE = 1 * MiB;
const LARGEST_PAGE = 4 * MiB;
const TICK_MS = 250;
/** A second copy of a ticket comes again after so long. */
const SECOND_TICKET_MS = 500;
/** What has more than a ticket comes again after so long at most, where there was no room. */
const LONGEST_WAIT_MS = 30_000;

/** Runs until it is stopped, or fails. */
export class StreamReceiver {
  /** Resolves when it has stopped; rejects when it could not go on. */
  readonly closed: Promise<void>;

  readonly #world: StreamWorld;
  readonly #closed = Promise.withResolvers<void>();
  readonly #intakes = new Map<string, StreamIntake>();
  readonly #endings = new Set<Promise<unknown>>();
  /** Handlers that have not settled, those included whose uploads were given up. */
  readonly #handlers = new Set<Promise<void>>();
  readonly #ended = new Tombstones();
  readonly #orphans: Orphans;
  readonly #watch: DeliveryWatch;
  readonly #strays: Strays;
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
    this.#strays = new Strays(() => this.#watch.forget());
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
    await cleanUp([...this.#handlers]);
    await this.#release();
    if (!this.#failed) this.#closed.resolve();
  }

  #fail(error: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    const { nc, facts } = this.#world;
    const { stream, consumer } = facts;
    const isGone = apiCode(error) === STREAM_NOT_FOUND;
    const named = isGone
      ? new NoConsumerError(stream, consumer, { cause: error })
      : nameClosed(error);
    // The server may not be there to confirm it, and whoever closes a receiver need not wait for that.
    for (const intake of this.#intakes.values()) {
      const { ack } = intake.delivery;
      intake.giveUp({ ...STOPPED, settlement: undefined });
      if (!intake.isLost) settle(nc, ack, { type: "nak", delay: facts.ackWait / 30 });
    }
    const cleaned = cleanUp([...this.#handlers]);
    void cleaned.then(() => this.#closed.reject(named));
    this.#stopping ??= (async () => {
      await this.#pulls.stop();
      await cleaned;
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
      return this.#refuse(parsed, message, delivery, malformed(parsed.problem));
    }
    const { info } = parsed;
    // A stream keeps what was a question to those who listened then.
    if (info.ask !== undefined) return this.#settle(delivery, { type: "ack" });
    const intake = this.#intakes.get(info.uploadId);
    if (info.index === 0 && intake?.delivery.sequence === delivery.sequence) {
      return intake.renew(delivery);
    }
    if (intake && !intake.isOver) {
      if (info.index > 0) this.#strays.note(info, message.data.length, delivery);
      return intake.take(info, message.subject, message.data, delivery, granted);
    }
    // A second copy of the ticket, while the server is told how the upload has ended: what becomes of it depends on that.
    if (intake && info.index === 0) {
      return this.#settle(delivery, { type: "nak", delay: SECOND_TICKET_MS });
    }
    if (info.index === 0) this.#takeTicket(info, message, delivery);
    else this.#takeOrphan(info, message, delivery);
  }

  #takeTicket(info: ChunkInfo, message: Msg, delivery: Delivery): void {
    const { facts, options } = this.#world;
    const ending = this.#endingOf(info);
    if (ending?.status === "complete") return this.#settle(delivery, { type: "ack" });
    if (ending) return this.#settle(delivery, { type: "nak", delay: REJECTED_FOR_MS });
    if (this.#stopping) return this.#settle(delivery, STOPPED.settlement);

    const shape = judgeTicket(info, message, options);
    if ("reason" in shape) {
      this.#refuse(info, message, delivery, shape);
      return this.#remember(info, "rejected");
    }
    const known = this.#knownOf(info, delivery, shape.isPerChunk);
    const claim = claimOf(info, message.data.length, known);
    if (!this.#makeRoom(claim)) {
      const words = `${this.#intakes.size} of ${options.maxUploads} uploads are taken`;
      const refusal: Refusal = { reason: "full", message: words, final: false };
      const longest = claim === "nothing" ? undefined : LONGEST_WAIT_MS;
      return this.#refuse(info, message, delivery, refusal, longest);
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
    this.#admit({ info, delivery, subject, headers: headers!, data, known, ...shape });
    if (typeof known === "object") known.isNews = false;
  }

  /** What came of an upload whose ticket is delivered again, where all that came would have come here. */
  #knownOf(
    info: ChunkInfo,
    delivery: Delivery,
    isPerChunk: boolean,
  ): Stray | "nothing" | undefined {
    const isKnown = delivery.deliveryCount > 1 && !isPerChunk && !this.#world.ticketsOnly &&
      this.#watch.hasSeenAllSince(delivery);
    return isKnown ? this.#strays.get(info) ?? "nothing" : undefined;
  }

  #admit(ticket: ConstructorParameters<typeof StreamIntake>[1]): void {
    const { info } = ticket;
    this.#orphans.forget(info.uploadId);
    const intake = new StreamIntake(this.#world, ticket, {
      onConsumed: () => this.#pulls.wake(),
      watch: this.#watch,
      pageBytes: () => {
        const share = Math.floor(LIVE_BYTES / Math.max(1, this.#intakes.size));
        return Math.min(LARGEST_PAGE, Math.max(SMALLEST_PAGE, share));
      },
    });
    this.#intakes.set(info.uploadId, intake);
    const settled = intake.ended.then((ending) => {
      if (ending !== "comes-again") {
        this.#strays.forget(info);
        this.#remember(info, ending);
      }
      if (this.#intakes.get(info.uploadId) === intake) this.#intakes.delete(info.uploadId);
      this.#endings.delete(settled);
      this.#pulls.wake();
    });
    this.#endings.add(settled);
    const running = intake.upload.settled.finally(() => this.#handlers.delete(running));
    this.#handlers.add(running);
  }

  /** A chunk whose upload is not received here. */
  #takeOrphan(info: ChunkInfo, { subject, data }: Msg, delivery: Delivery): void {
    const { holdsBodies } = this.#world;
    const ending = this.#endingOf(info);
    if (!ending) this.#strays.note(info, data.length, delivery);
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
    longest = Infinity,
  ): void {
    this.#settle(
      delivery,
      refusal.final
        ? { type: "term", reason: refusal.message }
        : { type: "nak", delay: Math.min(longest, nakDelay(delivery.deliveryCount)) },
    );
    const scope = refusal.reason === "too-large" ? "upload" : "chunk";
    this.#world.tell(eventOf(refusal, scope, about, message));
  }

  #endingOf(info: ChunkInfo): Ending | undefined {
    const now = performance.now();
    return this.#ended.get(info.uploadId, info.index === 0, now) ??
      this.#ended.get(keyOf(info), info.index === 0, now);
  }

  #remember(info: ChunkInfo, status: "complete" | "rejected"): void {
    const { chunkCount } = info;
    // What is wrong with one upload must not harm another one of the same id.
    const key = status === "complete" ? info.uploadId : keyOf(info);
    this.#ended.add(key, { status, reason: undefined, chunkCount, at: performance.now() });
  }

  /** Whether there is room for one more upload, after one that gets nothing has given way. */
  #makeRoom(claim: Claim): boolean {
    if (this.#intakes.size < this.#world.options.maxUploads) return true;
    const idle = evictOne(this.#intakes.values(), claim);
    if (!idle) return false;
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
    // Where one would give way, a ticket is asked for that takes its place.
    let taken = 0;
    for (const { isDry } of this.#intakes.values()) if (!isDry) taken++;
    return this.#world.options.maxUploads - taken - underWay;
  }

  #onTick(): void {
    const now = performance.now();
    // Time in which this process itself stood still is nobody else's silence.
    const elapsed = Math.min(now - this.#tickedAt, 2 * TICK_MS);
    this.#tickedAt = now;
    for (const intake of this.#intakes.values()) intake.onTime(elapsed);
    relieve(this.#intakes.values(), this.#pulls, this.#watch);
    if (this.#world.holdsBodies) this.#orphans.onTime(now);
  }

  /** What the server refuses without an answer: it would otherwise look like silence. */
  #onServerError(error: Error): void {
    if (error.name !== "PermissionViolationError") return;
    const { js, facts: { stream, consumer } } = this.#world;
    const { subject = "" } = error as { subject?: string };
    const names = subject.split(".");
    const isOurs = subject.startsWith(`${js.apiPrefix}.`) && names.includes(stream);
    const isAck = subject.startsWith("$JS.ACK.") && names.includes(stream) &&
      names.includes(consumer);
    if (isAck || (isOurs && /\.(DIRECT\.GET|CONSUMER\.MSG\.NEXT)\./.test(subject))) {
      this.#fail(error);
    }
  }
}

/** What a ticket has to show, with so many bytes in it. */
function claimOf(
  { chunkCount, totalSize }: ChunkInfo,
  bytes: number,
  known: Stray | "nothing" | undefined,
): Claim {
  if (chunkCount === 1) return "body";
  if (known === undefined) return "news";
  if (known === "nothing") return "nothing";
  const isWhole = bytes + known.bytes >= totalSize;
  if (!known.isNews) return isWhole ? "news" : "nothing";
  return isWhole ? "body" : "news";
}
