/**
 * JetStream messages that are settled together with their upload.
 *
 * @module
 */
import type { JsMsg } from "@nats-io/jetstream";
import type { Msg } from "@nats-io/nats-core";
import { retryDelay } from "../../_retry.ts";

/** Anything that `assembleChunks` and `push` take: a core message or one of a consumer. */
export type NatsMessage = Msg | JsMsg;

/** The message, if it comes from a consumer and wants an acknowledgement. */
export function asJetStream(message: NatsMessage): JsMsg | undefined {
  return "ackAck" in message ? message : undefined;
}

/** Whether `message` is one of those that are held, delivered again. */
export function isHeld({ info }: JsMsg, held: readonly JsMsg[]): boolean {
  return held.some((each) =>
    each.info.streamSequence === info.streamSequence && each.info.stream === info.stream
  );
}

/** Hands a message back, later at every delivery: at once would be a hot loop. */
export function handBack(message: JsMsg, delay?: number): void {
  message.nak(delay ?? growingDelay(message, 1_000));
}

/** The same for a receiver that leaves: the first time others need not wait. */
export function handBackSoon(message: JsMsg): void {
  message.nak(growingDelay(message, 100));
}

function growingDelay({ info: { deliveryCount } }: JsMsg, min: number): number {
  return Math.round(retryDelay(deliveryCount, { min, max: 60_000 }));
}

/** Acknowledges all, and waits for the server to confirm it. */
export async function acknowledge(messages: readonly JsMsg[]): Promise<void> {
  await Promise.all(messages.map((message) => message.ackAck()));
}
