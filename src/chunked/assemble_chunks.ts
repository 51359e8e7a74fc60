/**
 * The receiver: from a stream of messages to whole payloads.
 *
 * @module
 */
import { loadSha256 } from "../_digest.ts";
import { LONGEST_WAIT, Wakeup } from "../_wakeup.ts";
import { Assembler, type PendingPayload } from "./_assemble/assembler.ts";
import { asJetStream, type NatsMessage } from "./_intake/held_message.ts";
import {
  type AssemblerOptions,
  checkAssemblerOptions,
  type CheckedAssemblerOptions,
} from "./assembler_options.ts";
import type { ChunkedPayload } from "./chunked_payload.ts";

/**
 * Puts chunked uploads together and yields each payload once. Uploads may be interleaved, chunks may come out of order
 * and twice. Whatever a stranger sends, memory stays within the bounds, other uploads are not harmed, and the loop goes
 * on; `onRejected` hears of it.
 *
 * A payload is acknowledged (JetStream), or answered with `complete` (core NATS), by its `ack()` or by asking for the
 * next one. Where the server does not confirm that, `ack()` rejects; asking for the next payload does not: the messages
 * come again, and are acknowledged as the repeats that they are.
 * Leaving the loop without either acknowledges nothing, and tells senders on core NATS `rejected: abandoned`.
 * Messages are taken in while the body of the loop runs, as far as there is room: senders on core NATS get no window
 * beyond that, and from a consumer no more is pulled.
 *
 * A consumer of chunks needs explicit acknowledgement: with ack policy `all` one upload would acknowledge another that
 * is still arriving, and with `none` nothing comes again. What is fetched in batches must be at least one whole upload
 * a batch, because a batch that ends is a loop that ends: what has not come whole by then goes back.
 *
 * Let a consumer of chunks pull by bytes, `consume({ max_bytes: 16 * 1024 * 1024 })`: by default it asks for 100
 * messages, and the server cuts off a client that has more than 64 MiB of them to read.
 *
 * @param messages A subscription, a consumer's messages, or any async iterable of NATS messages. It is ended when the
 * loop is left.
 * @param options The bounds. All have defaults.
 * @returns The payloads.
 * @throws {TypeError | RangeError} If an argument is not what it should be; at once, not in the loop.
 *
 * @example Take one upload from a subject
 * ```ts
 * import { assembleChunks, connect, publishChunked } from "@natskit/natskit";
 *
 * const nc = await connect();
 * const messages = nc.subscribe("uploads");
 * const sending = publishChunked(nc, "uploads", new Uint8Array(3_000_000), { filename: "zeros" });
 * for await (const payload of assembleChunks(messages, { connection: nc })) {
 *   console.log(payload.filename, payload.size, payload.digest);
 *   await payload.ack();
 *   break; // without it, the loop goes on with the next upload
 * }
 * await sending;
 * await nc.close();
 * ```
 */
export function assembleChunks(
  messages: AsyncIterable<NatsMessage>,
  options: AssemblerOptions = {},
): AsyncIterable<ChunkedPayload> {
  if (typeof messages?.[Symbol.asyncIterator] !== "function") {
    throw new TypeError(
      "messages is no async iterable, wanted is a subscription or a consumer's messages",
    );
  }
  return assemble(messages, checkAssemblerOptions(options));
}

async function* assemble(
  messages: AsyncIterable<NatsMessage>,
  options: CheckedAssemblerOptions,
): AsyncGenerator<ChunkedPayload> {
  const assembler = new Assembler(options, await loadSha256());
  const pump = new Pump(messages, assembler);
  let current: PendingPayload | undefined;
  try {
    for (;;) {
      current = await pump.next();
      if (!current) return;
      yield current;
      const asked = current;
      current = undefined;
      // Unconfirmed, its messages come again, and are acknowledged as the late repeats that they are. That is no reason
      // to end the loop; whoever has to know calls ack() and hears of it.
      await asked.ack().catch(() => {});
    }
  } finally {
    current?.abandon();
    pump.stop();
    assembler.close();
  }
}

/** Feeds an assembler on its own, and queues what gets whole. */
class Pump {
  readonly #messages: AsyncIterable<NatsMessage>;
  readonly #iterator: AsyncIterator<NatsMessage>;
  readonly #assembler: Assembler;
  readonly #whole: PendingPayload[] = [];
  readonly #news = new Wakeup();
  readonly #room = new Wakeup();
  #stopped = false;
  #end: { error?: unknown } | undefined;

  constructor(messages: AsyncIterable<NatsMessage>, assembler: Assembler) {
    this.#messages = messages;
    this.#iterator = messages[Symbol.asyncIterator]();
    this.#assembler = assembler;
    assembler.onFreed = this.#room.ring;
    void this.#run();
  }

  /** The next payload; `undefined` when the messages have ended. */
  async next(): Promise<PendingPayload | undefined> {
    for (;;) {
      const payload = this.#whole.shift();
      if (payload) return payload;
      if (this.#end) {
        if ("error" in this.#end) throw this.#end.error;
        return undefined;
      }
      await this.#news.wait(LONGEST_WAIT);
    }
  }

  /** Ends the messages as well, as leaving a loop over them would. */
  stop(): void {
    this.#stopped = true;
    this.#room.ring();
    // A generator that waits for a message does not hear `return` before one comes: these do.
    const source = this.#messages as { unsubscribe?: () => void; close?: () => unknown };
    try {
      if (source.unsubscribe) source.unsubscribe();
      else void Promise.resolve(source.close?.()).catch(() => {});
    } catch {
      // The connection is closed, and the messages have ended with it.
    }
    void Promise.resolve(this.#iterator.return?.()).catch(() => {});
  }

  async #run(): Promise<void> {
    try {
      for (let item = await this.#iterator.next(); !item.done; item = await this.#iterator.next()) {
        if (this.#stopped) return;
        const result = this.#assembler.push(item.value);
        if (result.type === "complete") {
          this.#whole.push(result.payload as PendingPayload);
          this.#news.ring();
        } else if (
          result.type === "rejected" && result.event.reason === "full" && asJetStream(item.value)
        ) {
          await this.#waitForRoom();
        }
      }
      this.#end = {};
    } catch (error) {
      this.#end = { error };
    }
    this.#news.ring();
  }

  /** While whole payloads take all the room, pulling more would only hand it back. */
  async #waitForRoom(): Promise<void> {
    while (!this.#stopped && this.#assembler.onlyPending) await this.#room.wait(LONGEST_WAIT);
  }
}
