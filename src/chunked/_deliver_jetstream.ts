/**
 * Delivery of an upload to a stream (PROTOCOL 3).
 *
 * @module
 */
import type { JetStreamClient, PubAck } from "@nats-io/jetstream";
import { PublishWindow } from "../_jetstream/publish_window.ts";
import { MessageDroppedError, StreamChangedError, UploadIdTakenError } from "../errors.ts";
import type { Delivery, DeliveryReport } from "./_delivery.ts";
import { checkUploadStays, type StreamDescription } from "./_stream_fit.ts";

/** The `Nats-Msg-Id` of a chunk, by which the stream knows a repeat. */
export function messageIdOf(uploadId: string, index: number): string {
  return `${uploadId}:${index}`;
}

/**
 * Publishes every chunk and waits until all of them are stored: the first one alone, so that it is the oldest, the rest
 * through a window.
 *
 * @param js Where to publish.
 * @param delivery What to publish, and within which bounds.
 * @param stream The stream, as it was found before.
 * @throws {UploadIdTakenError} The stream knows a chunk of this id that this call had not sent.
 * @throws {StreamChangedError} Chunks went to different streams.
 * @throws {MessageDroppedError} The first chunk is gone again.
 * @throws {NoProgressError} Nothing was acknowledged for as long as the timeout.
 */
export async function deliverOverJetStream(
  js: JetStreamClient,
  delivery: Delivery,
  stream: StreamDescription,
): Promise<DeliveryReport> {
  const { feed, subject, window, timeout, signal } = delivery;
  const publishing = new PublishWindow(js, { window, timeout, signal });
  const lastBefore = stream.facts?.state.last_seq ?? 0;
  const sequences = new Set<number>();
  let last = 0;
  let first: PubAck | undefined;
  const confirm = (index: number, ack: PubAck, attempts: number): void => {
    first ??= ack;
    const expected = stream.facts?.name ?? first.stream;
    if (ack.stream !== expected) throw new StreamChangedError(subject, expected, ack.stream);
    // A repeat may well find that its predecessor was stored; what was sent once only, or is older than this call, is
    // somebody else's.
    if (ack.duplicate && (attempts === 1 || ack.seq <= lastBefore)) {
      throw new UploadIdTakenError(feed.uploadId, ack.stream, index);
    }
    // A stream in memory may come back empty after a crash, and then counts from the start again.
    if (ack.seq <= lastBefore || sequences.has(ack.seq)) {
      const reason = "the stream has given its sequence to another message, so it has lost some";
      throw new MessageDroppedError(`chunk ${index}`, ack.stream, ack.seq, reason);
    }
    sequences.add(ack.seq);
    last = Math.max(last, ack.seq);
    delivery.onConfirmed(index);
  };

  try {
    for (let index = 0; index < feed.chunkCount; index++) {
      const { data, headers } = await feed.read(index);
      await publishing.send(
        { subject, data, headers, msgId: messageIdOf(feed.uploadId, index) },
        (ack, attempts) => confirm(index, ack, attempts),
      );
      delivery.onSent(index);
      if (index === 0) await publishing.settled();
    }
  } catch (error) {
    publishing.fail(error);
  }
  await publishing.settled();

  const stored = { subject, first: first!, last };
  const warnings = await checkUploadStays(js, stream, stored, { timeout, signal });
  return { confirmed: true, warnings: [...stream.warnings, ...warnings] };
}
