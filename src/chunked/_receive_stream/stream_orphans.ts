/**
 * Chunks of work-queue and interest streams whose ticket nobody here has: handed back, until a read of the stream shows
 * that the ticket is gone.
 *
 * @module
 */
import { findConsumer } from "../../_jetstream/describe_consumer.ts";
import type { Delivery } from "../../_jetstream/delivery.ts";
import type { StoredMessage } from "../../_jetstream/page_reader.ts";
import { MAX_CHUNK_SIZE } from "../_format/chunk_shape.ts";
import { MAX_HEADER_BYTES, parseChunkMessage } from "../_format/headers.ts";
import type { StreamWorld } from "./stream_world.ts";

interface Orphan {
  /** Where its ticket would be. */
  readonly ticketSubject: string;
  /** The ticket has a lower sequence than every chunk. */
  sequence: number;
  /** The highest number of deliveries that one of its chunks has had. */
  deliveryCount: number;
}

/** The ticket may only be late for so many deliveries: a chunk can be taken before its ticket comes back. */
const SUSPICIOUS_COUNT = 3;
/** Looking through a stream costs reading it: not more often than this, in milliseconds. */
const SEARCH_INTERVAL = 5_000;
const PAGE_BYTES = 4 * 1024 * 1024;
const LARGEST_MESSAGE = MAX_CHUNK_SIZE + MAX_HEADER_BYTES;
const MOST = 10_000;

/** What is known of uploads without a ticket; bounded. */
export class Orphans {
  readonly #world: StreamWorld;
  readonly #orphans = new Map<string, Orphan>();
  readonly #ticketless = new Set<string>();
  readonly #stop = new AbortController();
  #searchedAt = -Infinity;
  #searching: Promise<void> | undefined;

  constructor(world: StreamWorld) {
    this.#world = world;
  }

  /** Whether the upload's ticket is known to be gone. */
  isTicketless(uploadId: string): boolean {
    return this.#ticketless.has(uploadId);
  }

  /** A chunk came without its ticket. */
  note(uploadId: string, subject: string, index: number, delivery: Delivery): void {
    const { sequence, deliveryCount } = delivery;
    const known = this.#orphans.get(uploadId);
    if (known) {
      known.sequence = Math.max(known.sequence, sequence);
      known.deliveryCount = Math.max(known.deliveryCount, deliveryCount);
    } else if (this.#orphans.size < MOST) {
      const end = `.${uploadId}.${index}`;
      const isPerChunk = subject.toLowerCase().endsWith(end);
      const ticketSubject = isPerChunk ? `${subject.slice(0, -String(index).length)}0` : subject;
      this.#orphans.set(uploadId, { ticketSubject, sequence, deliveryCount });
    }
  }

  /** The ticket is here after all. */
  forget(uploadId: string): void {
    this.#orphans.delete(uploadId);
    this.#ticketless.delete(uploadId);
  }

  /** Time has passed: looks for tickets that are late. */
  onTime(now: number): void {
    if (this.#searching || now - this.#searchedAt < SEARCH_INTERVAL) return;
    const late = [...this.#orphans].filter(([, { deliveryCount }]) =>
      deliveryCount >= SUSPICIOUS_COUNT
    );
    if (late.length === 0) return;
    this.#searchedAt = now;
    this.#searching = this.#search(new Map(late))
      .catch(() => {}) // it is tried again
      .finally(() => {
        this.#searching = undefined;
        this.#searchedAt = performance.now();
      });
  }

  /** Ends a search that is under way. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#searching;
  }

  async #search(late: Map<string, Orphan>): Promise<void> {
    const { js, facts: { stream, consumer } } = this.#world;
    const { signal } = this.#stop;
    const info = await findConsumer(js, stream, consumer, { signal });
    // What this consumer has settled may still be there for others.
    const settled = info?.ack_floor.stream_seq ?? 0;
    const bySubject = Map.groupBy(late, ([, { ticketSubject }]) => ticketSubject);
    for (const [subject, entries] of bySubject) {
      const wanted = new Map(entries);
      const until = Math.max(...[...wanted.values()].map(({ sequence }) => sequence));
      await this.#strike(wanted, subject, settled + 1, until);
      for (const uploadId of wanted.keys()) {
        this.#orphans.delete(uploadId);
        if (this.#ticketless.size >= MOST) this.#ticketless.clear();
        this.#ticketless.add(uploadId);
      }
    }
  }

  /** Removes those from `wanted` whose ticket is in the stream. */
  async #strike(
    wanted: Map<string, Orphan>,
    subject: string,
    from: number,
    until: number,
  ): Promise<void> {
    const { reader } = this.#world;
    let position = from;
    const look = (message: StoredMessage): boolean => {
      position = message.sequence + 1;
      const parsed = parseChunkMessage(message);
      if (parsed.type === "chunk" && parsed.info.index === 0 && parsed.info.ask === undefined) {
        wanted.delete(parsed.info.uploadId);
      }
      return position < until && wanted.size > 0;
    };
    while (position < until && wanted.size > 0) {
      const query = { from: position, subject, maxBytes: PAGE_BYTES, leastBytes: LARGEST_MESSAGE };
      if (await reader.read(query, look, this.#stop.signal) === 0) return;
    }
  }
}
