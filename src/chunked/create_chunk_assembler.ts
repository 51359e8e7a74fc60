/**
 * The assembler for people with their own loop.
 *
 * @module
 */
import { loadSha256, nativeSha256, type Sha256 } from "../_digest.ts";
import { Assembler } from "./_assemble/assembler.ts";
import type { NatsMessage } from "./_intake/held_message.ts";
import { type AssemblerOptions, checkAssemblerOptions } from "./assembler_options.ts";
import type { PushResult } from "./push_result.ts";

/** Puts chunked uploads together, message by message. */
export interface ChunkAssembler extends AsyncDisposable {
  /**
   * Resolves when messages can be pushed: at once on Deno, Node and Bun; in a browser when the hash library is there.
   */
  readonly ready: Promise<void>;
  /**
   * Takes one message. Over JetStream, chunks stay unacknowledged until the payload's `ack()` or `nak()`; what is
   * refused is termed or handed back. Over core NATS, senders that wait for credit are answered.
   *
   * @throws {Error} If the assembler is closed, or not ready.
   */
  push(message: NatsMessage): PushResult;
  /**
   * Gives up everything that is not settled: senders over core NATS are told `rejected`, messages of JetStream go back.
   */
  close(): void;
}

/**
 * Makes an assembler that you push messages into. It is for loops of your own; `assembleChunks` is the same with a loop.
 *
 * @param options The bounds. All have defaults.
 * @returns The assembler. Close it, or bind it with `await using`: it runs timers while uploads are in it.
 * @throws {TypeError | RangeError} If an option is unknown or out of its range.
 *
 * @example A loop of one's own
 * ```ts
 * import { connect, createChunkAssembler, publishChunked } from "@natskit/natskit";
 *
 * const nc = await connect();
 * const messages = nc.subscribe("uploads");
 * const sending = publishChunked(nc, "uploads", new Uint8Array(3_000_000));
 * await using assembler = createChunkAssembler({ maxUploadBytes: 10_000_000, connection: nc });
 * for await (const message of messages) {
 *   const result = assembler.push(message);
 *   if (result.type !== "complete") continue;
 *   console.log(result.payload.uploadId, result.payload.size);
 *   await result.payload.ack();
 *   break;
 * }
 * await sending;
 * await nc.close();
 * ```
 */
export function createChunkAssembler(options: AssemblerOptions = {}): ChunkAssembler {
  const checked = checkAssemblerOptions(options);
  let startHash: (() => Sha256) | undefined = nativeSha256();
  const assembler = new Assembler(checked, () => startHash!());
  const ready = startHash
    ? Promise.resolve()
    : loadSha256().then((start) => void (startHash = start));
  ready.catch(() => {}); // whoever awaits it hears of it
  return {
    ready,
    push(message) {
      if (!startHash) throw new Error("the assembler is not ready: await its ready promise first");
      return assembler.push(message);
    },
    close: () => assembler.close(),
    [Symbol.asyncDispose]: () => {
      assembler.close();
      return Promise.resolve();
    },
  };
}
