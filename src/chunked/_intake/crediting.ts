/**
 * When senders hear of what was taken over, and how much more they may send: as soon as the messages at hand are
 * through, at once when they ask, and when room has become free.
 *
 * @module
 */
import type { Msg } from "@nats-io/nats-core";
import type { Budget } from "../../_budget.ts";
import type { IndexRange } from "../../_credit/wire.ts";
import type { Demand } from "../../_credit/windows.ts";
import { CreditDesk, type Line, OWNED_FOR_MS, type Standing } from "./credit_desk.ts";
import type { ChunkInfo } from "../_format/headers.ts";
import type { Timers } from "./timers.ts";

/** PROTOCOL 4 lists no more gaps than these in one credit. */
const MOST_GAPS = 64;

/** What a sender is told, and judged by, of an upload that is under way. */
export interface CreditedUpload {
  readonly chunkSize: number;
  /** Bytes taken over. */
  readonly receivedBytes: number;
  /** Whether all of it is here. */
  readonly whole: boolean;
  /** When its last chunk came. */
  readonly heardAt: number;
  /** Every chunk below it is taken over. */
  readonly next: number;
  /** The gaps above `next`, at most `most`. */
  gaps(most: number): readonly IndexRange[];
}

/** The uploads that are credited, whatever becomes of their bytes. */
export interface CreditedUploads {
  /** The upload, if it is under way. */
  find(uploadId: string): CreditedUpload | undefined;
  /** What an upload, under way or not, can use; `undefined` where its bytes have their place once it is admitted. */
  demandOf(uploadId: string): Demand | undefined;
  /** Whether so many more uploads with so many bytes fit now. */
  fits(totalSize: number, uploads: number): boolean;
}

/** Answers senders out of the table of uploads. */
export class Crediting {
  /** Who is on the line. */
  readonly desk: CreditDesk;
  readonly #table: CreditedUploads;
  readonly #timers: Timers;
  readonly #now: () => number;
  /** Credit that is due as soon as the messages at hand are through. */
  readonly #due = new Set<Line>();
  #cancel: (() => void) | undefined;

  /** @param now The time by which senders are judged, which need not be that of `timers`. */
  constructor(
    table: CreditedUploads,
    { inbound, timers, now }: { inbound: Budget; timers: Timers; now: () => number },
  ) {
    this.desk = new CreditDesk(inbound);
    this.#table = table;
    this.#timers = timers;
    this.#now = now;
  }

  /** A message of a sender that waits for credit, with which so many bytes were taken over. */
  hear(info: ChunkInfo, sender: Msg, now: number, bytes = 0): Line {
    const line = this.desk.hear(info, sender, now);
    const upload = this.#table.find(info.uploadId);
    if (!upload) return line;
    const { chunkSize, receivedBytes } = upload;
    // What came without credit, before its sender asked for the first time, counts as well.
    if (!line.flow.admitted) this.desk.received(line, receivedBytes, chunkSize, now);
    else if (info.ask === undefined) this.desk.received(line, bytes, chunkSize, now);
    return line;
  }

  /** Tells the sender at once. */
  answer(line: Line, now: number): void {
    this.#due.delete(line);
    this.desk.credit(line, this.#standing(line), now);
  }

  /** Tells the sender at once if much has come since it was told last, and else soon. */
  owe(line: Line, now: number): void {
    if (this.desk.isCreditDue(line)) return this.answer(line, now);
    this.remind(line);
  }

  /** Tells the sender soon, and then those who wait. */
  remind(line: Line | undefined): void {
    if (line) this.#due.add(line);
    this.#cancel ??= this.#timers.after(0, () => this.#pay());
  }

  /** Tells those who wait, as far as there is room. */
  serveWaiting(now: number): void {
    this.desk.serveWaiting(now, (line) => this.#standing(line));
  }

  /**
   * Whether the upload's id belongs to a sender other than this one.
   *
   * @param sender A message to respond to; `undefined` where the sender does not wait for credit.
   */
  isTaken({ uploadId }: ChunkInfo, sender: Msg | undefined, now: number): boolean {
    if (this.desk.isTaken(uploadId, sender?.reply ?? "", now)) return true;
    if (!sender || this.desk.get(uploadId)) return false;
    // An upload that goes on without credit, from a version-1 sender or a stream, is not this sender's.
    const upload = this.#table.find(uploadId);
    return upload !== undefined && (upload.whole || now - upload.heardAt < OWNED_FOR_MS);
  }

  /** Since when the upload has got nothing although its sender could have sent something. */
  idleSince({ info, heardAt }: { readonly info: ChunkInfo; readonly heardAt: number }): number {
    const line = this.desk.get(info.uploadId);
    return line ? this.desk.idleSince(line) : heardAt;
  }

  /** The upload is over, or has to begin anew. */
  forget(uploadId: string): void {
    const line = this.desk.get(uploadId);
    if (line) this.#due.delete(line);
    this.desk.close(uploadId);
  }

  /** Forgets everybody. */
  close(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#due.clear();
    this.desk.closeAll();
  }

  #pay(): void {
    this.#cancel = undefined;
    const now = this.#now();
    for (const line of this.#due) this.answer(line, now);
    this.serveWaiting(now);
  }

  #standing(line: Line): Standing {
    const { uploadId, chunkCount } = line.info;
    const upload = this.#table.find(uploadId);
    const progress = !upload
      ? { next: 0, missing: [] }
      : upload.whole
      ? { next: chunkCount, missing: [] }
      : { next: upload.next, missing: upload.gaps(MOST_GAPS) };
    return { progress, hasRoom: this.#hasRoom(line), demand: this.#table.demandOf(uploadId) };
  }

  /** Whether the upload has its room, or could get it, considering what others were promised. */
  #hasRoom({ flow, info: { totalSize } }: Line): boolean {
    if (flow.admitted || flow.window > 0) return true;
    const { flows, bytes } = this.desk.promised;
    return this.#table.fits(totalSize + bytes, flows + 1);
  }
}

/** A core message that can be answered. A reply subject of JetStream is an ack subject: nothing else goes there. */
export function respondable(message: Msg): Msg | undefined {
  return message.reply && !message.reply.startsWith("$JS.") ? message : undefined;
}
