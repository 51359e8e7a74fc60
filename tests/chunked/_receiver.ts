/** Receivers over core NATS for tests. */
import type { Msg, NatsConnection } from "@nats-io/nats-core";
import {
  assembleChunks,
  type AssemblerOptions,
  type ChunkedPayload,
  type RejectedEvent,
} from "../../src/chunked/mod.ts";

/** A receiver that runs, with all that it got. */
export interface RunningReceiver {
  readonly payloads: ChunkedPayload[];
  readonly rejected: RejectedEvent[];
  /** Resolves when the loop has ended. */
  readonly ended: Promise<void>;
  /** Unsubscribes, which ends the loop. */
  stop(): Promise<void>;
}

/** How a receiver for tests differs from a plain loop. */
export interface ReceiverOptions {
  queue?: string;
  options?: AssemblerOptions;
  /** What happens to the messages on their way to the assembler. */
  through?: (messages: AsyncIterable<Msg>) => AsyncIterable<Msg>;
  /** The body of the loop; leaves the loop where it returns `"leave"`. */
  body?: (payload: ChunkedPayload) => Promise<unknown> | unknown;
}

/** Starts a loop over `assembleChunks`; resolves when the server knows the subscription. */
export async function startReceiver(
  nc: NatsConnection,
  subject: string,
  { queue, options, through = (messages) => messages, body }: ReceiverOptions = {},
): Promise<RunningReceiver> {
  const subscription = nc.subscribe(subject, queue === undefined ? {} : { queue });
  await nc.flush();
  const payloads: ChunkedPayload[] = [];
  const rejected: RejectedEvent[] = [];
  const onRejected = (event: RejectedEvent): void => void rejected.push(event);
  const run = async (): Promise<void> => {
    const whole = assembleChunks(through(subscription), { onRejected, ...options });
    for await (const payload of whole) {
      payloads.push(payload);
      if (await body?.(payload) === "leave") return;
    }
  };
  const ended = run();
  ended.catch(() => {}); // whoever awaits it hears of it
  return {
    payloads,
    rejected,
    ended,
    stop: () => {
      subscription.unsubscribe();
      return ended;
    },
  };
}
