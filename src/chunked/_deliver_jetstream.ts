/**
 * Delivery of an upload to a stream (PROTOCOL 3).
 *
 * @module
 */
import type { JetStreamClient, PubAck } from "@nats-io/jetstream";
import { PublishWindow } from "../_jetstream/publish_window.ts";
import { StreamChangedError, UploadIdTakenError } from "../errors.ts";
import type { Delivery, DeliveryReport } from "./_delivery.ts";
import { checkFirstChunkStays, type StreamDescription } from "./_stream_fit.ts";

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
  let first: PubAck | undefined;
  const confirm = (index: number, ack: PubAck, attempts: number): void => {
    first ??= ack;
    // A repeat may well find that its predecessor was stored; what was sent once only may not.
    if (ack.duplicate && attempts === 1) {
      throw new UploadIdTakenError(feed.uploadId, ack.stream, index);
    }
    const expected = stream.facts?.name ?? first.stream;
    if (ack.stream !== expected) throw new StreamChangedError(subject, expected, ack.stream);
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

  const warnings = await checkFirstChunkStays(js, stream, first!, { timeout, signal });
  return { confirmed: true, warnings: [...stream.warnings, ...warnings] };
}
