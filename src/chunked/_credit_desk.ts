/**
 * The receiver's conversations with senders that wait for credit: who owns an upload, who waits for a window, and what
 * each was told last. Uploads are admitted and assembled elsewhere.
 *
 * @module
 */
import type { Msg } from "@nats-io/nats-core";
import type { Budget } from "../_budget.ts";
import { type Credit, creditHeaders, type IndexRange } from "../_credit/wire.ts";
import { type Flow, Windows } from "../_credit/windows.ts";
import { newUploadId } from "../_upload_id.ts";
import { largestChunkSize } from "./_chunk_shape.ts";
import type { ChunkInfo } from "./_headers.ts";

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
  heardAt: number;
  /** `flow.received` when the last credit went out. */
  credited: number;
}

/** How far an upload has got, for a credit. */
export interface Progress {
  readonly next: number;
  readonly missing: readonly IndexRange[];
}

const NOTHING: Progress = { next: 0, missing: [] };

/** The most that one upload may have in flight. */
const WINDOW_BYTES = 16 * 1024 * 1024;
/** A sender owns its upload's id for so long after it was heard. */
const OWNED_FOR_MS = 10_000;
/** What was granted to an ask and not used for so long goes to others. */
const UNUSED_AFTER_MS = 5_000;
/** An ask that nothing followed is forgotten. */
const FORGOTTEN_AFTER_MS = 30_000;
/** Asks beyond these are answered and not remembered; their senders ask again. */
const MOST_LINES = 1_000;

/** Keeps the lines, and grants windows out of one inbound budget. */
export class CreditDesk {
  readonly #windows: Windows;
  readonly #receiver = newUploadId();
  readonly #lines = new Map<string, Line>();
  /** Those who were told window 0, longest waiting first. */
  readonly #waiting = new Set<Line>();

  constructor(inbound: Budget) {
    this.#windows = new Windows(inbound, WINDOW_BYTES);
  }

  /** Whether nobody is on the line. */
  get isQuiet(): boolean {
    return this.#lines.size === 0;
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

  /** A message of a sender that waits for credit; `undefined` while there are too many of them. */
  hear(info: ChunkInfo, message: Msg, now: number): Line | undefined {
    let line = this.#lines.get(info.uploadId);
    if (!line) {
      if (this.#lines.size >= MOST_LINES) return undefined;
      const flow = this.#windows.open(largestChunkSize(info), info.totalSize);
      line = { info, flow, reply: message.reply!, message, ask: 0, heardAt: now, credited: 0 };
      this.#lines.set(info.uploadId, line);
    }
    line.heardAt = now;
    if (line.reply !== message.reply) {
      line.reply = message.reply!;
      line.message = message;
      line.ask = 0; // another sender, which counts its own asks
    }
    if (info.ask !== undefined) {
      line.message = message;
      line.ask = info.ask;
    }
    return line;
  }

  /** Bytes of the upload were taken over. */
  received(line: Line, bytes: number): void {
    line.flow.admitted = true;
    this.#windows.received(line.flow, bytes);
  }

  /** Whether so much has come since the last credit that the sender should hear of it at once. */
  isCreditDue({ flow, credited }: Line): boolean {
    return flow.received - credited >= WINDOW_BYTES / 8 || flow.received === flow.totalSize;
  }

  /** Bytes and number of the uploads that were granted a window and have not sent anything yet. */
  promised(): { uploads: number; bytes: number } {
    let uploads = 0;
    let bytes = 0;
    for (const { flow } of this.#lines.values()) {
      if (flow.admitted || flow.window === 0) continue;
      uploads++;
      bytes += flow.totalSize;
    }
    return { uploads, bytes };
  }

  /** Tells the sender how far it has got, with as much window as there is; none where `hasRoom` is false. */
  credit(line: Line, progress: Progress, hasRoom: boolean): void {
    const window = hasRoom ? this.#windows.grant(line.flow) : 0;
    if (window === 0 && line.flow.received < line.flow.totalSize) this.#waiting.add(line);
    else this.#waiting.delete(line);
    line.credited = line.flow.received;
    this.#respond(line.message, {
      uploadId: line.info.uploadId,
      ask: line.ask,
      window,
      status: "receiving",
      ...progress,
    });
  }

  /** Gives windows to those who wait, in the order in which they came, as long as there is any. */
  serveWaiting(
    now: number,
    progressOf: (line: Line) => Progress,
    hasRoom: (line: Line) => boolean,
  ): void {
    for (const line of this.#waiting) {
      if (now - line.heardAt >= UNUSED_AFTER_MS) {
        this.#waiting.delete(line); // it would have asked again: it is gone, and waits anew when it comes back
        continue;
      }
      if (!hasRoom(line) || this.#windows.grant(line.flow) === 0) return;
      this.credit(line, progressOf(line), true);
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

  /** Answers an ask that there is no line for. */
  turnAway(message: Msg, info: ChunkInfo): void {
    const { uploadId, ask = 0 } = info;
    this.#respond(message, { uploadId, ask, window: 0, status: "receiving", ...NOTHING });
  }

  /** Forgets the upload. */
  close(uploadId: string): void {
    const line = this.#lines.get(uploadId);
    if (!line) return;
    this.#lines.delete(uploadId);
    this.#waiting.delete(line);
    this.#windows.close(line.flow);
  }

  /** Takes back what nobody uses, and forgets asks that nothing followed. */
  tidy(now: number): void {
    for (const line of this.#lines.values()) {
      if (line.flow.admitted) {
        if (this.#waiting.size > 0 && now - line.heardAt >= UNUSED_AFTER_MS) {
          this.#windows.revoke(line.flow);
        }
      } else if (now - line.heardAt >= FORGOTTEN_AFTER_MS) {
        this.close(line.info.uploadId);
      } else if (now - line.heardAt >= UNUSED_AFTER_MS) {
        this.#windows.revoke(line.flow);
      }
    }
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
