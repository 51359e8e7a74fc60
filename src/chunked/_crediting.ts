/**
 * When senders hear of what was taken over, and how much more they may send: as soon as the messages at hand are
 * through, at once when they ask, and when room has become free.
 *
 * @module
 */
import type { Msg } from "@nats-io/nats-core";
import type { Budget } from "../_budget.ts";
import { CreditDesk, type Line, OWNED_FOR_MS, type Progress } from "./_credit_desk.ts";
import type { ChunkInfo } from "./_headers.ts";
import type { Timers } from "./_timers.ts";
import type { Upload, UploadTable } from "./_upload_table.ts";

/** PROTOCOL 4 lists no more gaps than these in one credit. */
const MOST_GAPS = 64;

/** Answers senders out of the table of uploads. */
export class Crediting {
  /** Who is on the line. */
  readonly desk: CreditDesk;
  readonly #table: UploadTable<unknown>;
  readonly #timers: Timers;
  readonly #now: () => number;
  /** Credit that is due as soon as the messages at hand are through. */
  readonly #due = new Set<Line>();
  #cancel: (() => void) | undefined;

  /** @param now The time by which senders are judged, which need not be that of `timers`. */
  constructor(
    table: UploadTable<unknown>,
    { inbound, timers, now }: { inbound: Budget; timers: Timers; now: () => number },
  ) {
    this.desk = new CreditDesk(inbound);
    this.#table = table;
    this.#timers = timers;
    this.#now = now;
  }

  /** Tells the sender at once. */
  answer(line: Line, now: number): void {
    this.#due.delete(line);
    this.desk.credit(line, this.#progress(line), this.#hasRoom(line), now);
  }

  /** Tells the sender soon. */
  owe(line: Line, now: number): void {
    if (this.desk.isCreditDue(line)) return this.answer(line, now);
    this.#due.add(line);
    this.#cancel ??= this.#timers.after(0, () => this.#pay());
  }

  /** Tells those who wait, as far as there is room. */
  serveWaiting(now: number): void {
    this.desk.serveWaiting(now, (line) => this.#progress(line), (line) => this.#hasRoom(line));
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
    const upload = this.#table.uploads.get(uploadId);
    return upload !== undefined && (upload.whole || now - upload.heardAt < OWNED_FOR_MS);
  }

  /** Since when the upload has got nothing although its sender could have sent something. */
  idleSince({ info, heardAt }: Upload<unknown>): number {
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

  #progress({ info: { uploadId, chunkCount } }: Line): Progress {
    const upload = this.#table.uploads.get(uploadId);
    if (!upload) return { next: 0, missing: [] };
    if (upload.whole) return { next: chunkCount, missing: [] };
    return { next: upload.store.next, missing: upload.store.gaps(MOST_GAPS) };
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
