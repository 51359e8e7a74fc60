/**
 * The way of a message into a receiver, up to the point where its bytes go into an upload: what it is, whether its
 * upload has ended, belongs to somebody else or can never be right; and what is told of all that.
 *
 * @module
 */
import type { Msg } from "@nats-io/nats-core";
import { countGarbage } from "../../_garbage.ts";
import type { Refusal } from "../_format/conflict.ts";
import { type Crediting, respondable } from "./crediting.ts";
import { type ChunkInfo, parseChunkMessage } from "../_format/headers.ts";
import { asJetStream, type NatsMessage } from "./held_message.ts";
import type { PushResult } from "../push_result.ts";
import { ASK_WITH_BODY, eventOf, malformed, reasonFor, TAKEN } from "./refusals.ts";
import type { RejectedEvent } from "../rejected_event.ts";
import { Tombstones } from "./tombstones.ts";

/** A chunk that may go into its upload. */
export interface Arrival {
  readonly message: NatsMessage;
  readonly info: ChunkInfo;
  /** The message again, where its sender waits for credit. */
  readonly sender: Msg | undefined;
  readonly now: number;
}

/** What one kind of receiver does its own way. */
export interface IntakeHost {
  /** What can never be right, told from the metadata alone. */
  refusal(info: ChunkInfo): Refusal | undefined;
  /** Sees to it that a newcomer finds room, if others can give way. */
  makeRoom(info: ChunkInfo, now: number): void;
  /** Takes a chunk. */
  offer(arrival: Arrival): PushResult;
  /** Whether the upload may begin, or go on; nobody answers one that may not. */
  isWelcome?(info: ChunkInfo): boolean;
  /** The message is of no use to anybody. */
  onSpent?(message: NatsMessage): void;
  /** The message is refused. */
  onRefused?(message: NatsMessage, refusal: Refusal): void;
  /** Told of everything that is refused. */
  readonly onRejected?: ((event: RejectedEvent) => void) | undefined;
}

/** Reads messages, and settles those that never come to an upload. */
export class Intake {
  readonly #host: IntakeHost;
  readonly #crediting: Crediting;
  readonly #ended = new Tombstones();

  constructor(host: IntakeHost, crediting: Crediting) {
    this.#host = host;
    this.#crediting = crediting;
  }

  /** Takes a message. Never throws for what it contains. */
  take(message: NatsMessage, now: number): PushResult {
    countGarbage(message.data.length);
    const parsed = parseChunkMessage(message);
    if (parsed.type === "foreign") return { type: "ignored" };
    if (parsed.type === "malformed") {
      return this.refuse(message, { uploadId: parsed.uploadId }, malformed(parsed.problem));
    }
    return this.#take(message, parsed.info, now);
  }

  /** Refuses one message and leaves everything else as it was. */
  refuse(
    message: NatsMessage,
    about: { uploadId: string | undefined; index?: number },
    refusal: Refusal,
    sender?: Msg,
  ): PushResult {
    this.#host.onRefused?.(message, refusal);
    if (sender && refusal.final) {
      const reason = reasonFor(refusal);
      this.#crediting.desk.end(sender, about as ChunkInfo, { status: "rejected", reason });
    }
    const scope = refusal.reason === "too-large" ? "upload" : "chunk";
    const event = eventOf(refusal, scope, about, message);
    this.tell(event);
    return { type: "rejected", event };
  }

  /** The upload has ended: its sender is told, and its id is remembered. */
  finish(info: ChunkInfo, status: "complete" | "rejected", now: number, reason?: string): void {
    const { uploadId, chunkCount } = info;
    this.#ended.add(uploadId, { status, reason, chunkCount, at: now });
    const { desk } = this.#crediting;
    const line = desk.get(uploadId);
    if (line) desk.end(line.message, { ...line.info, ask: line.ask }, { status, reason });
  }

  /** Reports something to the application. */
  tell(event: RejectedEvent): void {
    try {
      this.#host.onRejected?.(event);
    } catch {
      // What the application's report does wrong must not harm an upload.
    }
  }

  #take(message: NatsMessage, info: ChunkInfo, now: number): PushResult {
    const isStored = asJetStream(message) !== undefined;
    const sender = !isStored && info.credit ? respondable(message as Msg) : undefined;
    if (info.ask !== undefined && !sender) {
      this.#host.onSpent?.(message); // a stream keeps what was a question to those who listened then
      return { type: "ignored" };
    }
    if (info.ask !== undefined && message.data.length > 0) {
      return this.refuse(message, info, ASK_WITH_BODY, sender);
    }

    const ending = this.#ended.get(info.uploadId, info.index === 0, now);
    if (ending) {
      if (sender) this.#crediting.desk.end(sender, info, ending);
      if (ending.status === "rejected") {
        const words = `the upload was rejected a moment ago: ${ending.reason}`;
        return this.refuse(message, info, { reason: "rejected", message: words, final: false });
      }
      this.#host.onSpent?.(message); // a late repeat
      return info.ask === undefined ? duplicate(info) : { type: "ignored" };
    }
    if (this.#host.isWelcome?.(info) === false) return { type: "ignored" };
    const isTaken = !isStored && this.#crediting.isTaken(info, sender, now);
    const refusal = isTaken ? TAKEN : this.#host.refusal(info);
    if (refusal) return this.refuse(message, info, refusal, sender);
    if (info.ask === undefined) return this.#host.offer({ message, info, sender, now });

    const line = this.#crediting.hear(info, sender!, now);
    if (!line.flow.admitted) this.#host.makeRoom(info, now);
    this.#crediting.answer(line, now);
    return { type: "ignored" };
  }
}

/** The chunk was there before. */
export function duplicate({ uploadId, index }: ChunkInfo): PushResult {
  return { type: "duplicate", uploadId, chunkIndex: index };
}
