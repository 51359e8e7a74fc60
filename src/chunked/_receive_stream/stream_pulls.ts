/**
 * Pulling from a consumer as far as there is room, and no further.
 *
 * @module
 */
import type { Msg } from "@nats-io/nats-core";
import { findConsumer } from "../../_jetstream/describe_consumer.ts";
import { type PullEnd, type RunningPull, startPull } from "../../_jetstream/pull.ts";
import { reserve } from "../../_jetstream/reserve.ts";
import { isTransient, retryDelay } from "../../_retry.ts";
import { Wakeup } from "../../_wakeup.ts";
import { ConnectionClosedError, NoConsumerError } from "../../errors.ts";
import type { StreamWorld } from "./stream_world.ts";

/** What a pull asks for while nothing comes; it grows when there is more. */
const SMALL = 256 * 1024;
/** Enough for the largest chunk with its headers. */
const LARGE = 8 * 1024 * 1024;
/** What it grows to, unless a message is larger. */
const WINDOW = 2 * 1024 * 1024;
const PULLS = 2;
const MOST_MESSAGES = 1_000;
/** How long a pull waits for messages, in milliseconds. */
const EXPIRES = 5_000;

/** How much may be pulled at the moment. */
export interface PullGate {
  /** Bytes beyond those that are under way. */
  room(underWay: number): number;
  /** Messages beyond those that are under way. */
  slots(underWay: number): number;
}

/** Two pulls at most, one after the other, so that there is always one at the server while there is room. */
export class Pulls {
  readonly #world: StreamWorld;
  readonly #gate: PullGate;
  readonly #onMessage: (message: Msg, granted: number) => void;
  readonly #bells = Array.from({ length: PULLS }, () => new Wakeup());
  readonly #running = new Set<RunningPull>();
  readonly #stop = new AbortController();
  readonly #loops: Promise<unknown>;
  #bytesUnderWay = 0;
  #messagesUnderWay = 0;
  /** What the next pull asks for. */
  #window = SMALL;
  /** The largest message of late: less room than that is none. */
  #least = 0;
  #pinId: string | undefined;
  #pinUsedAt = 0;
  #pausedSince: number | undefined;
  #failures = 0;

  /** Begins to pull. */
  constructor(
    world: StreamWorld,
    gate: PullGate,
    onMessage: (message: Msg, granted: number) => void,
  ) {
    this.#world = world;
    this.#gate = gate;
    this.#onMessage = onMessage;
    this.#loops = Promise.all(this.#bells.map((bell, nth) => this.#run(bell, nth)));
  }

  /** For how long there has been no room to pull, in milliseconds. */
  get pausedFor(): number {
    return this.#pausedSince === undefined ? 0 : performance.now() - this.#pausedSince;
  }

  /** There may be room. */
  wake(): void {
    for (const bell of this.#bells) bell.ring();
  }

  /** The connection was lost: what is under way will not come. */
  interrupt(): void {
    for (const pull of [...this.#running]) pull.interrupt();
  }

  /** Asks for nothing more, and takes what is on its way. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.wake();
    for (const pull of this.#running) pull.finish();
    await this.#loops;
  }

  async #run(bell: Wakeup, nth: number): Promise<void> {
    const { signal } = this.#stop;
    try {
      while (!signal.aborted) {
        // While nothing comes, one is enough.
        const isSpare = nth > 0 && this.#window === SMALL;
        const want = isSpare ? undefined : this.#wanted();
        if (want === undefined) {
          if (!isSpare) await this.#keepPin();
          await bell.wait(isSpare ? 1_000 : 250);
          continue;
        }
        await this.#pull(want, bell);
      }
    } catch (error) {
      if (!signal.aborted) this.#world.fail(error);
    }
  }

  /** What to ask for; `undefined` while there is no room. */
  #wanted(): { bytes: number; batch: number } | undefined {
    const room = this.#gate.room(this.#bytesUnderWay);
    const slots = this.#gate.slots(this.#messagesUnderWay);
    if (slots < 1 || room < Math.max(SMALL, this.#least)) {
      if (slots >= 1 && this.#messagesUnderWay === 0) this.#pausedSince ??= performance.now();
      return undefined;
    }
    this.#pausedSince = undefined;
    const { max_batch = 0, max_bytes = 0 } = this.#world.facts.config;
    const bytes = Math.min(
      Math.max(this.#window, this.#least),
      room,
      max_bytes > 0 ? max_bytes : LARGE,
    );
    const batch = Math.min(slots, MOST_MESSAGES, max_batch > 0 ? max_batch : MOST_MESSAGES);
    return { bytes, batch };
  }

  async #pull(want: { bytes: number; batch: number }, bell: Wakeup): Promise<void> {
    const { nc, buffer, facts } = this.#world;
    const { signal } = this.#stop;
    this.#bytesUnderWay += want.bytes;
    this.#messagesUnderWay += want.batch;
    let left = want.bytes;
    let reserved = 0;
    let batch = want.batch;
    let largest = 0;
    try {
      reserved = await reserve(
        buffer,
        // Enough for one message: with less, nobody new would get on until a slow handler does.
        { wanted: want.bytes, least: Math.min(want.bytes, Math.max(SMALL, this.#least)) },
        signal,
      );
      // A message that is larger than any pull of ours comes alone.
      const isMonster = this.#least > LARGE;
      const { max_expires = 0 } = facts.config;
      const expires = Math.min(EXPIRES, max_expires > 0 ? max_expires / 1e6 : EXPIRES);
      const running = startPull(this.#target, {
        batch: isMonster ? 1 : batch,
        maxBytes: isMonster ? undefined : reserved,
        expires,
        group: facts.group,
        pinId: this.#pinId,
      }, (message) => {
        const size = message.data.length;
        largest = Math.max(largest, sizeOf(message));
        this.#notePin(message);
        const granted = Math.min(reserved, size);
        const passed = Math.min(left, size);
        this.#bytesUnderWay -= passed;
        left -= passed;
        this.#messagesUnderWay--;
        batch--;
        try {
          this.#onMessage(message, granted);
        } finally {
          reserved -= granted;
          buffer.release(granted); // whoever took it over counts it himself
        }
      });
      this.#running.add(running);
      if (signal.aborted) running.finish();
      const asked = reserved;
      const end = await running.ended;
      this.#running.delete(running);
      this.#adapt(end, asked, largest);
      if (!nc.isClosed()) await this.#consider(end, bell);
    } finally {
      buffer.release(reserved);
      this.#bytesUnderWay -= left;
      this.#messagesUnderWay -= batch;
    }
    if (nc.isClosed()) throw new ConnectionClosedError();
  }

  get #target(): Parameters<typeof startPull>[0] {
    const { nc, js, facts } = this.#world;
    return { nc, apiPrefix: js.apiPrefix, stream: facts.stream, consumer: facts.consumer };
  }

  /** More at once where more is there, less where nothing comes. */
  #adapt({ type, received }: PullEnd, asked: number, largest: number): void {
    if (received > 0) this.#least = Math.min(largest, LARGE);
    if (type === "full") {
      if (received === 0) this.#least = Math.max(4 * asked, SMALL);
      if (received === 0 && asked >= LARGE) this.#least = LARGE + 1;
      else if (this.#least > LARGE) this.#least = LARGE;
      this.#window = Math.min(4 * this.#window, WINDOW);
      this.wake();
    } else if (received === 0) {
      this.#window = SMALL;
    }
  }

  /** What follows from the way in which a pull ended. */
  async #consider({ type, received, words }: PullEnd, bell: Wakeup): Promise<void> {
    const { js, facts: { stream, consumer } } = this.#world;
    const { signal } = this.#stop;
    if (signal.aborted) return;
    if (received > 0 || type === "full" || type === "expired") this.#failures = 0;
    switch (type) {
      case "full":
      case "expired":
        return;
      case "unpinned":
        this.#pinId = undefined;
        return await bell.wait(100);
      case "deleted":
        throw new NoConsumerError(stream, consumer);
      case "refused":
        throw new Error(
          `consumer ${JSON.stringify(consumer)} of stream ${
            JSON.stringify(stream)
          } refuses to be ` +
            `pulled from: ${words}`,
        );
    }
    this.#pinId = undefined;
    try {
      const found = await findConsumer(js, stream, consumer, { signal });
      if (!found) throw new NoConsumerError(stream, consumer);
    } catch (error) {
      if (!isTransient(error) && (error as Error).name !== "NoProgressError") throw error;
    }
    await bell.wait(retryDelay(++this.#failures, { max: 2_000 }));
  }

  #notePin(message: Msg): void {
    if (!this.#world.facts.isPinned) return;
    try {
      this.#pinId = message.headers?.get("Nats-Pin-Id") || this.#pinId;
    } catch {
      // Headers that cannot be decoded; the next message has it too.
    }
    this.#pinUsedAt = performance.now();
  }

  /** A pin goes to another client when nothing is pulled for long: one byte is asked for, which no message is. */
  async #keepPin(): Promise<void> {
    const { facts: { isPinned, group, pinTimeout } } = this.#world;
    if (!isPinned || !this.#pinId || this.#messagesUnderWay > 0) return;
    if (performance.now() - this.#pinUsedAt < pinTimeout / 4) return;
    this.#pinUsedAt = performance.now();
    const request = { batch: 1, maxBytes: 1, expires: 500, group, pinId: this.#pinId };
    const { type } = await startPull(this.#target, request, () => {}).ended;
    if (type === "unpinned") this.#pinId = undefined;
  }
}

/** About what the server counts for a message. */
function sizeOf(message: Msg): number {
  const size = (message as { size?: () => number }).size?.() ?? message.data.length;
  return size + message.subject.length + (message.reply?.length ?? 0) + 256;
}
