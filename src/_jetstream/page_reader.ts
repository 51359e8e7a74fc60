/**
 * Reading stored messages by the page: batched direct gets where the server has them (2.11) and the stream allows them,
 * otherwise one message a request. Upstream's batch ends by a hard deadline, and never when the connection closes.
 *
 * @module
 */
import type { JetStreamClient, JetStreamManager, StoredMsg } from "@nats-io/jetstream";
import { errors, type Msg, type MsgHdrs, type NatsConnection } from "@nats-io/nats-core";
import type { Budget } from "../_budget.ts";
import { inboxOf } from "../_connection.ts";
import { parseDecimal } from "../_decimal.ts";
import { ConnectionClosedError } from "../errors.ts";
import { connectionOf } from "./connection_of.ts";
import type { MessageQuery } from "./read_message.ts";
import { reserve } from "./reserve.ts";

/** A message as it is stored. */
export interface StoredMessage {
  /** Its sequence in the stream. */
  readonly sequence: number;
  /** Its subject. */
  readonly subject: string;
  /** Its headers, the server's own ones for the read included; none where they cannot be decoded. */
  readonly headers: MsgHdrs | undefined;
  /** Its body. */
  readonly data: Uint8Array;
}

/** What is read. */
export interface PageQuery {
  /** The first sequence that counts. */
  readonly from: number;
  /** The subject; wildcards are allowed. */
  readonly subject: string;
  /** The bytes that are wanted at once, at least one message's. */
  readonly maxBytes: number;
  /** Bytes of one message: what is asked for where there is no room for more. */
  readonly leastBytes: number;
}

/** The bounds of a reader. */
export interface PageReaderOptions {
  /** Bytes that may be on their way to the connection. */
  readonly budget: Budget;
  /** Whether the stream allows direct gets. */
  readonly direct: boolean;
  /** The longest wait for the next message of a page, in milliseconds. @default {5_000} */
  readonly idleTimeout?: number;
}

const MOST_MESSAGES = 1_000;

/** Takes what comes, with the bytes of the budget that are set aside for it until it returns; `false` ends the page. */
export type StoredMessageTaker = (message: StoredMessage, granted: number) => boolean;

/** Reads the messages of one stream. */
export class PageReader {
  readonly #nc: NatsConnection;
  readonly #apiPrefix: string;
  readonly #jsm: Promise<JetStreamManager>;
  readonly #stream: string;
  readonly #budget: Budget;
  readonly #direct: boolean;
  readonly #idleTimeout: number;
  readonly #open = new Set<(error: Error) => void>();

  /** @throws {TypeError} if `js` does not give its connection. */
  constructor(js: JetStreamClient, stream: string, options: PageReaderOptions) {
    const { budget, direct, idleTimeout = 5_000 } = options;
    this.#nc = connectionOf(js);
    this.#apiPrefix = js.apiPrefix;
    this.#jsm = js.jetstreamManager(false);
    this.#jsm.catch(() => {}); // whoever reads hears of it
    this.#stream = stream;
    this.#budget = budget;
    this.#direct = direct;
    this.#idleTimeout = idleTimeout;
  }

  /**
   * Reads a page, in the order of the stream.
   *
   * @param onMessage Called as they come; `false` ends the page there.
   * @returns How many messages were handed over; 0 only on the word of the stream's leader that there are none.
   * @throws What stood in the way, if nothing was handed over before; what was is not read again.
   */
  async read(
    query: PageQuery,
    onMessage: StoredMessageTaker,
    signal: AbortSignal,
  ): Promise<number> {
    const { maxBytes, leastBytes } = query;
    let reserved = await reserve(this.#budget, { wanted: maxBytes, least: leastBytes }, signal);
    const page = { ...query, maxBytes: Math.max(1, reserved - leastBytes) };
    const take = (message: StoredMessage): boolean => {
      const granted = Math.min(reserved, message.data.length);
      try {
        return onMessage(message, granted);
      } finally {
        reserved -= granted;
        this.#budget.release(granted); // whoever took it over counts it himself
      }
    };
    try {
      const count = this.#direct ? await this.#readDirect(page, take, signal) : 0;
      return count > 0 ? count : await this.#readFromLeader(page, take, signal);
    } finally {
      this.#budget.release(reserved);
    }
  }

  /** Ends the pages that are under way: the connection was lost, and the rest will not come. */
  interrupt(): void {
    const error = this.#nc.isClosed()
      ? new ConnectionClosedError()
      : new errors.ConnectionError("the connection was lost while a page was read");
    for (const end of [...this.#open]) end(error);
  }

  #readDirect(
    { from, subject, maxBytes }: PageQuery,
    onMessage: (message: StoredMessage) => boolean,
    signal: AbortSignal,
  ): Promise<number> {
    signal.throwIfAborted();
    const settled = Promise.withResolvers<number>();
    let count = 0;
    let over = false;
    let idle: ReturnType<typeof setTimeout> | undefined;
    const end = (error?: Error): void => {
      if (over) return;
      over = true;
      clearTimeout(idle);
      this.#open.delete(end);
      signal.removeEventListener("abort", onAbort);
      try {
        subscription.unsubscribe();
      } catch {
        // The connection is closed, and the subscription with it.
      }
      if (error && count === 0) settled.reject(error);
      else settled.resolve(count);
    };
    const onAbort = (): void => end(asError(signal.reason));
    const watch = (): void => {
      clearTimeout(idle);
      idle = setTimeout(() => end(new errors.TimeoutError()), this.#idleTimeout);
    };

    const inbox = inboxOf(this.#nc);
    const subscription = this.#nc.subscribe(inbox, {
      callback: (error, message) => {
        if (over) return;
        if (error) return end(error);
        watch();
        let stored: ReturnType<typeof toStored>;
        try {
          stored = toStored(message);
          // 204: the end of the page; 404: nothing there; 503: no direct access any more, the leader will tell.
          if (!stored) return end(refusalOf(message));
        } catch {
          return end(); // its headers cannot be decoded: the leader tells its sequence beside them
        }
        try {
          const goOn = onMessage(stored);
          count++;
          // A server without batches answers with one message, and does not say how many are left.
          if (!goOn || stored.isOnly) end();
        } catch (error) {
          end(asError(error)); // thrown on, it would end the connection
        }
      },
    });
    signal.addEventListener("abort", onAbort, { once: true });
    this.#open.add(end);
    watch();
    const request = {
      seq: from,
      next_by_subj: subject,
      batch: MOST_MESSAGES,
      max_bytes: Math.max(1, Math.floor(maxBytes)),
    };
    try {
      const api = `${this.#apiPrefix}.DIRECT.GET.${this.#stream}`;
      this.#nc.publish(api, JSON.stringify(request), { reply: inbox });
    } catch (error) {
      end(asError(error));
    }
    return settled.promise;
  }

  /** Replicas may be behind: only the leader knows that there is nothing. */
  async #readFromLeader(
    { from, subject }: PageQuery,
    onMessage: (message: StoredMessage) => boolean,
    signal: AbortSignal,
  ): Promise<number> {
    signal.throwIfAborted();
    const { streams } = await this.#jsm;
    const query: MessageQuery = { seq: from, next_by_subj: subject };
    const found = await streams.getMessage(this.#stream, query);
    signal.throwIfAborted();
    if (!found) return 0;
    const { seq: sequence, data, subject: itsSubject } = found;
    onMessage({ sequence, subject: itsSubject, data, headers: headersOf(found) });
    return 1;
  }
}

/** The message, or `undefined` where it is a status. */
function toStored(message: Msg): (StoredMessage & { isOnly: boolean }) | undefined {
  const headers = message.headers;
  const sequence = parseDecimal(headers?.last("Nats-Sequence") ?? "");
  if (!headers || !sequence) return undefined;
  return {
    sequence,
    subject: headers.last("Nats-Subject"),
    headers,
    data: message.data,
    isOnly: !headers.has("Nats-Num-Pending"),
  };
}

/** Headers that cannot be decoded are as good as none. */
function headersOf(message: StoredMsg): MsgHdrs | undefined {
  try {
    return message.header;
  } catch {
    return undefined;
  }
}

function refusalOf({ headers }: Msg): Error | undefined {
  const code = headers?.code ?? 0;
  if (code === 204 || code === 404 || code === 503) return undefined;
  return new Error(`the server refuses a direct get: ${code} ${headers?.description ?? ""}`);
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
