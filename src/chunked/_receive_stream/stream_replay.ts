/**
 * Reading an upload's body back from its stream, at its handler's pace.
 *
 * @module
 */
import type { PageReader, StoredMessage } from "../../_jetstream/page_reader.ts";
import { isTransient, retryDelay } from "../../_retry.ts";
import { Wakeup } from "../../_wakeup.ts";
import type { Refusal } from "../_format/conflict.ts";
import { type ChunkInfo, MAX_HEADER_BYTES, parseChunkMessage } from "../_format/headers.ts";
import type { StreamingUpload } from "../_receive/streaming_upload.ts";

/** What a replay works with. */
export interface ReplayOptions {
  readonly upload: StreamingUpload;
  readonly reader: PageReader;
  /** Where the body is; wildcards are allowed. */
  readonly subject: string;
  /** The first sequence that the body may have. */
  readonly first: number;
  /** Where to begin: what comes before is here already, most likely. */
  readonly from: number;
  /** The sequence of the last chunk that is known to be there; absent where that is not known. */
  readonly until?: number | undefined;
  /** How many bytes to read at once at the moment. */
  readonly pageBytes: () => number;
  /** Ends it. */
  readonly signal: AbortSignal;
  /** A chunk was taken that was not here before; told when it was stored, if the server told it. */
  readonly onTaken: (storedAt: number | undefined) => void;
  /** A chunk that says it belongs to the upload does not. */
  readonly onRefused: (refusal: Refusal, info: ChunkInfo, subject: string) => void;
  /** What stands in the way for good. */
  readonly onError: (error: unknown) => void;
}

/** So many chunks that came too early are remembered; where there are more, the rest is searched for again. */
const MOST_REMEMBERED = 10_000;
/** At the end of the stream it looks again after so long, and then less and less often, in milliseconds. */
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 5_000;
/** A chunk that was stored before those that are here is looked for when nothing else has come for so long. */
const LOOK_BACK_AFTER = 10_000;
/** What a page may have of others' chunks, and of headers. */
const BESIDE = 128 * 1024;

/** Reads on, until the upload is whole. */
export class Replay {
  readonly #options: ReplayOptions;
  readonly #bell = new Wakeup();
  /** Where chunks are that came too early for the room that there was: their sequences by index. */
  readonly #remembered = new Map<number, number>();
  /** The lowest sequence of a chunk that was passed over and not remembered. */
  #forgotten = Infinity;
  #position: number;
  /** Whether what comes before the beginning was looked through. */
  #hasLookedBack: boolean;
  #waitingSince: number | undefined;
  #pause = FIRST_PAUSE;
  /** Whether the next chunk was read and did not fit. */
  #isBlocked = false;
  /** Whether everything was read, and something is missing. */
  #isAtEnd = false;
  #until: number;
  #reach = 0;

  /** Begins to read. */
  constructor(options: ReplayOptions) {
    this.#options = options;
    this.#position = options.from;
    this.#until = options.until ?? Infinity;
    this.#hasLookedBack = options.from === options.first;
    void this.#run();
  }

  /** Whether all that there is of the upload was read. */
  get isAtEnd(): boolean {
    return this.#isAtEnd;
  }

  /** Whether all was read that is known to be there. */
  get #isPast(): boolean {
    const { next } = this.#options.upload;
    return this.#position > this.#until && this.#forgotten === Infinity &&
      !this.#remembered.has(next);
  }

  /** What was known to be there need not be all any more. */
  onDoubt(): void {
    if (this.#until !== Infinity) this.onNews();
  }

  /** The stream has more of the upload than was read. */
  onNews(): void {
    this.#isAtEnd = false;
    this.#until = Infinity;
    this.#pause = FIRST_PAUSE;
    this.#bell.ring();
  }

  /** The handler took something, so that there may be room. */
  onRoom(): void {
    this.#bell.ring();
  }

  async #run(): Promise<void> {
    const { upload, signal } = this.#options;
    signal.addEventListener("abort", this.#bell.ring, { once: true });
    for (let failures = 0; !upload.isWhole && !signal.aborted;) {
      if (!this.#wantsMore() || this.#isBlocked) {
        await this.#bell.wait(this.#isBlocked ? 250 : 1_000);
        this.#isBlocked = false;
        continue;
      }
      try {
        const count = this.#isPast ? 0 : await this.#readOn();
        failures = 0;
        if (count === 0) await this.#waitForMore();
      } catch (error) {
        if (signal.aborted) break;
        if (!isTransient(error)) {
          this.#options.onError(error);
          break;
        }
        await this.#bell.wait(retryDelay(++failures));
      }
    }
    signal.removeEventListener("abort", this.#bell.ring);
  }

  /** What the handler has not taken yet is less than half a page, or it waits. */
  #wantsMore(): boolean {
    const { upload, pageBytes } = this.#options;
    return upload.isHungry || upload.bufferedBytes <= pageBytes() / 2;
  }

  async #readOn(): Promise<number> {
    const { upload, reader, subject, signal } = this.#options;
    const known = this.#remembered.get(upload.next);
    const leastBytes = upload.chunkSize + MAX_HEADER_BYTES;
    if (known === undefined) {
      const query = { from: this.#position, subject, maxBytes: this.#reachOn(), leastBytes };
      return await reader.read(query, (message, granted) => this.#take(message, granted), signal);
    }
    const index = upload.next;
    const single = { from: known, subject, maxBytes: leastBytes, leastBytes };
    const count = await reader.read(single, (message, granted) => {
      this.#isBlocked = this.#offer(message, granted) === index;
      return false;
    }, signal);
    // What could not be read, or did not fit, is still there; reading on would not come by it again.
    if (!this.#isBlocked) this.#remembered.delete(index);
    return count;
  }

  /**
   * How much to read at once: about what is missing, for what comes after it is sent in vain, and on its way although
   * nobody waits for it; and more and more, where others' chunks lie between.
   */
  #reachOn(): number {
    const { upload: { info, receivedBytes }, pageBytes } = this.#options;
    this.#reach = Math.max(2 * this.#reach, info.totalSize - receivedBytes + BESIDE);
    return Math.min(pageBytes(), this.#reach);
  }

  /** Whether to go on with the page. */
  #take(message: StoredMessage, granted: number): boolean {
    const index = this.#offer(message, granted);
    const { upload } = this.#options;
    // The next one does not fit: it is read again when it does.
    this.#isBlocked = index === upload.next;
    if (this.#isBlocked) return false;
    this.#position = message.sequence + 1;
    if (index !== undefined) this.#remember(index, message.sequence);
    return !upload.isWhole;
  }

  /** The index of the chunk, if there was no room for it. */
  #offer(message: StoredMessage, granted: number): number | undefined {
    const { upload, onTaken, onRefused } = this.#options;
    const parsed = parseChunkMessage(message);
    if (parsed.type !== "chunk" || parsed.info.ask !== undefined) return undefined;
    const { info } = parsed;
    if (info.uploadId !== upload.info.uploadId) return undefined;
    const result = upload.offer(info, message.data, granted);
    if (result === "no-room") return info.index;
    if (result === "taken") {
      this.#pause = FIRST_PAUSE;
      this.#waitingSince = undefined;
      const storedAt = Date.parse(message.headers?.last("Nats-Time-Stamp") ?? "");
      onTaken(Number.isNaN(storedAt) ? undefined : storedAt);
    } else if (result !== "duplicate") {
      onRefused(result, info, message.subject);
    }
    return undefined;
  }

  #remember(index: number, sequence: number): void {
    if (this.#remembered.size < MOST_REMEMBERED) this.#remembered.set(index, sequence);
    else this.#forgotten = Math.min(this.#forgotten, sequence);
  }

  /** Everything was read, and something is missing. */
  async #waitForMore(): Promise<void> {
    if (this.#forgotten < this.#position) {
      this.#position = this.#forgotten;
      this.#forgotten = Infinity;
      this.#remembered.clear();
      return;
    }
    this.#waitingSince ??= performance.now();
    if (!this.#hasLookedBack && performance.now() - this.#waitingSince >= LOOK_BACK_AFTER) {
      this.#hasLookedBack = true;
      this.#position = this.#options.first;
      return;
    }
    this.#isAtEnd = true;
    await this.#bell.wait(this.#pause);
    this.#isAtEnd = this.#isPast;
    this.#pause = Math.min(2 * this.#pause, LONGEST_PAUSE);
  }
}
