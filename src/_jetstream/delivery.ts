/**
 * What a consumer says about a message that it delivers: all of it is in the reply subject (ADR-15).
 *
 * @module
 */

/** One delivery of one message. */
export interface Delivery {
  /** The subject that acknowledgements go to. */
  readonly ack: string;
  /** The message's sequence in the stream. */
  readonly sequence: number;
  /** Counts the consumer's deliveries: one that is left out went to somebody else, or got lost. */
  readonly consumerSequence: number;
  /** How often the message was delivered, this time included. */
  readonly deliveryCount: number;
  /** When the message was stored, in milliseconds since 1970. */
  readonly storedAt: number;
  /** How many messages the consumer had left then. */
  readonly pending: number;
}

/** Reads an ack subject in either of its two forms; `undefined` if it is none. */
export function parseDelivery(reply: string | undefined): Delivery | undefined {
  const tokens = reply?.split(".") ?? [];
  if (tokens[0] !== "$JS" || tokens[1] !== "ACK") return undefined;
  // Nine tokens; or at least eleven, where domain and account stand before the stream.
  const from = tokens.length === 9 ? 4 : 6;
  if (from === 6 && tokens.length < 11) return undefined;
  const [deliveryCount, sequence, consumerSequence, nanos, pending] = tokens
    .slice(from, from + 5).map(Number);
  if (!deliveryCount || !sequence || !consumerSequence || !nanos || pending === undefined) {
    return undefined;
  }
  const storedAt = nanos / 1e6;
  return { ack: reply!, sequence, consumerSequence, deliveryCount, storedAt, pending };
}
