/**
 * The receiver's conversations with senders that wait for credit: who owns an upload, who waits for a window, and what
 * each was told last. Uploads are admitted and assembled elsewhere.
 *
 * @module
 */
import type { Msg } from "@nats-io/nats-core";
import type { Budget } from "../../_budget.ts";
import { type Credit, creditHeaders, type IndexRange } from "../../_credit/wire.ts";
import { type Demand, type Flow, leastOf, Windows } from "../../_credit/windows.ts";
import { newUploadId } from "../../_upload_id.ts";
import { largestChunkSize } from "../_format/chunk_shape.ts";
import type { ChunkInfo } from "../_format/headers.ts";

/** One sender's upload. */
export interface Line {
  readonly info: ChunkInfo;
  readonly flow: Flow;
  /** The inbox that the sender listens on: it owns the upload. */
  reply: string;
  /** A message to respond to; an ask where there was one, for it holds no body. */
  message: Msg;
  /** The number of the last ask. */
  ask: number;
  /** When anything came from the sender. */
  heardAt: number;
  /** When a chunk came, or a window was granted where there was none: since then it could have sent something. */
  activeAt: number;
  /** `flow.received` when the last credit went out. */
  credited: number;
}

/** How far an upload has got, for a credit. */
export interface Progress {
  readonly next: number;
  readonly missing: readonly IndexRange[];
}

/** Where an upload stands. */
export interface Standing {
  readonly progress: Progress;
  /** Whether the upload has its place, or could get it. */
  readonly hasRoom: boolean;
  /** Where its bytes stay in the inbound budget for longer than on their way; see {@linkcode Windows.grant}. */
  readonly demand: Demand | undefined;
}

const NOTHING: Progress = { next: 0, missing: [] };

/** So much is worth a credit of its own; below it, the credits of the messages at hand are sent as one. */
const CREDIT_AFTER_BYTES = 512 * 1024;
/** The most that one upload may have in flight. */
const WINDOW_BYTES = 16 * 1024 * 1024;
/** A sender owns its upload's id for so long after it was heard; so long is an ask remembered that nothing followed. */
export const OWNED_FOR_MS = 10_000;
/** What was granted and is not used for so long goes to others who wait. */
const UNUSED_AFTER_MS = 5_000;
/** With more asks than these that nothing followed yet, the one that is unheard for longest is forgotten. */
const MOST_ASKERS = 1_000;

/** Keeps the lines, and grants windows out of one inbound budget. */
export class CreditDesk {
  readonly #windows: Windows;
  readonly #receiver = newUploadId();
  readonly #lines = new Map<string, Line>();
  /** Those who have not sent a chunk yet, unheard for longest first. */
  readonly #askers = new Set<Line>();
  /** Those who were told window 0, longest waiting first: those in the middle of an upload, and those before it. */
  readonly #starving = new Set<Line>();
  readonly #waiting = new Set<Line>();

  constructor(inbound: Budget) {
    this.#windows = new Windows(inbound, WINDOW_BYTES);
  }

  /** Whether nobody is on the line. */
  get isQuiet(): boolean {
    return this.#lines.size === 0;
  }

  /** Number and bytes of the uploads that were granted a window and have not sent anything yet. */
  get promised(): { readonly flows: number; readonly bytes: number } {
    return this.#windows.promised;
  }

  /** Bytes of all windows that are granted. */
  get granted(): number {
    return this.#windows.granted;
  }

  /** The line of an upload. */
  get(uploadId: string): Line | undefined {
    return this.#lines.get(uploadId);
  }

  /** Whether a sender with another reply subject (`""` for one without) holds the upload's id. */
  isTaken(uploadId: string, reply: string, now: number): boolean {
    const line = this.#lines.get(uploadId);
    return line !== undefined && line.reply !== reply && now - line.heardAt < OWNED_FOR_MS;
  }

  /** A message of a sender that waits for credit. The sender's line is opened where there is none. */
  hear(info: ChunkInfo, message: Msg, now: number): Line {
    const reply = message.reply!;
    let line = this.#lines.get(info.uploadId);
    if (!line) {
      const flow = this.#windows.open(largestChunkSize(info), info.totalSize);
      const times = { heardAt: now, activeAt: now };
      line = { info, flow, reply, message, ask: 0, ...times, credited: 0 };
      this.#lines.set(info.uploadId, line);
    }
    line.heardAt = now;
    if (line.reply !== reply) {
      line.reply = reply;
      line.message = message;
      line.ask = 0; // another sender, which counts its own asks
    }
    if (info.ask !== undefined) {
      line.message = message;
      line.ask = info.ask;
    }
    if (!line.flow.admitted) this.#lineUp(line);
    return line;
  }

  /** Bytes of the upload were taken over. */
  received(line: Line, bytes: number, chunkSize: number, now: number): void {
    line.activeAt = now;
    this.#askers.delete(line);
    this.#windows.received(line.flow, bytes, chunkSize);
  }

  /** Whether so much has come since the last credit that the sender should hear of it at once. */
  isCreditDue({ flow, credited }: Line): boolean {
    return flow.received - credited >= CREDIT_AFTER_BYTES || flow.received === flow.totalSize;
  }

  /** Since when the sender of a begun upload has sent nothing although it could. */
  idleSince({ flow, heardAt, activeAt }: Line): number {
    return flow.window > 0 ? activeAt : heardAt; // without a window, it would still ask
  }

  /** Tells the sender how far it has got, with as much window as there is; none where there is no room. */
  credit(line: Line, standing: Standing, now: number): void {
    const window = this.#grant(line, standing, now);
    line.credited = line.flow.received;
    const { info: { uploadId }, ask } = line;
    const { progress } = standing;
    this.#respond(line.message, { uploadId, ask, window, status: "receiving", ...progress });
  }

  /** Gives windows to those who wait, in the order in which they came, as long as there is any. */
  serveWaiting(now: number, standingOf: (line: Line) => Standing): void {
    for (const line of this.#inLine()) {
      if (now - line.heardAt >= UNUSED_AFTER_MS) {
        // It would have asked again: it is gone, and waits anew when it comes back.
        this.#starving.delete(line);
        this.#waiting.delete(line);
        continue;
      }
      const standing = standingOf(line);
      if (!standing.hasRoom) continue;
      if (this.#grant(line, standing, now) > 0) this.credit(line, standing, now);
      else if (this.#starving.has(line) || this.#waiting.has(line)) return;
    }
  }

  /** Says how an upload ended, to whoever sent `message`. */
  end(
    message: Msg,
    info: ChunkInfo,
    ending: { status: "complete" | "rejected"; reason?: string | undefined },
  ): void {
    const { status, reason } = ending;
    const progress = status === "complete" ? { next: info.chunkCount, missing: [] } : NOTHING;
    const ask = info.ask ?? this.#lines.get(info.uploadId)?.ask ?? 0;
    const credit = { uploadId: info.uploadId, ask, window: 0, status, ...progress };
    this.#respond(message, reason === undefined ? credit : { ...credit, reason });
  }

  /** Takes a chunk for which there is no room like an ask: the sender hears that it has to wait. */
  turnAway(message: Msg, info: ChunkInfo, now: number): void {
    const line = this.#lines.get(info.uploadId);
    if (line) {
      this.#windows.revoke(line.flow);
      const standing = { progress: NOTHING, hasRoom: false, demand: undefined };
      return this.credit(line, standing, now);
    }
    this.#respond(message, {
      uploadId: info.uploadId,
      ask: 0,
      window: 0,
      status: "receiving",
      ...NOTHING,
    });
  }

  /** Forgets the upload. */
  close(uploadId: string): void {
    const line = this.#lines.get(uploadId);
    if (!line) return;
    this.#lines.delete(uploadId);
    for (const set of [this.#askers, this.#starving, this.#waiting]) set.delete(line);
    this.#windows.close(line.flow);
  }

  /** Forgets them all. */
  closeAll(): void {
    for (const uploadId of [...this.#lines.keys()]) this.close(uploadId);
  }

  /** Takes back what nobody uses while others wait, and forgets asks that nothing followed. */
  tidy(now: number): void {
    const isWanted = this.#starving.size + this.#waiting.size > 0;
    for (const line of this.#lines.values()) {
      if (!line.flow.admitted && now - line.heardAt >= OWNED_FOR_MS) {
        this.close(line.info.uploadId);
      } else if (isWanted && now - line.activeAt >= UNUSED_AFTER_MS) {
        this.#windows.revoke(line.flow);
      }
    }
  }

  /** Those who wait, first come first; whoever is served on the way leaves the line. */
  *#inLine(): Generator<Line> {
    yield* this.#starving;
    yield* this.#waiting;
  }

  #lineUp(asker: Line): void {
    this.#askers.delete(asker);
    this.#askers.add(asker);
    if (this.#askers.size <= MOST_ASKERS) return;
    for (const { info: { uploadId } } of this.#askers) return this.close(uploadId);
  }

  #grant(line: Line, { hasRoom, demand }: Standing, now: number): number {
    const { flow } = line;
    const before = flow.window;
    const [first] = this.#starving;
    // What was begun goes first: others that have begun leave it its next chunk, and who has not waits.
    const isFirst = first === undefined || first === line;
    const keep = isFirst ? 0 : flow.admitted ? leastOf(first.flow) : Infinity;
    const window = hasRoom ? this.#windows.grant(flow, keep, demand) : 0;
    if (before === 0 && window > 0) line.activeAt = now;
    const [queue, other] = flow.admitted
      ? [this.#starving, this.#waiting]
      : [this.#waiting, this.#starving];
    other.delete(line);
    const isWhole = flow.admitted && flow.received === flow.totalSize;
    // Whose handler is busy with what is here does not hold up others; once it waits, it lines up.
    const isPatient = flow.admitted && demand !== undefined && !demand.isHungry;
    if (window === 0 && !isWhole && !isPatient) queue.add(line);
    else queue.delete(line);
    return window;
  }

  #respond(message: Msg, credit: Omit<Credit, "receiver">): void {
    try {
      message.respond(undefined, {
        headers: creditHeaders({ ...credit, receiver: this.#receiver }),
      });
    } catch {
      // The connection is closed. The sender hears nothing more, and says so after its timeout.
    }
  }
}
