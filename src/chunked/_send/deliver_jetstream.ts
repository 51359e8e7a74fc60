/**
 * Delivery of an upload to a stream (PROTOCOL 3).
 *
 * @module
 */
import type { JetStreamClient, PubAck } from "@nats-io/jetstream";
import type { StreamDescription } from "../../_jetstream/describe_stream.ts";
import { formatDigest, loadSha256 } from "../../_digest.ts";
import { PublishWindow } from "../../_jetstream/publish_window.ts";
import { MessageDroppedError, StreamChangedError, UploadIdTakenError } from "../../errors.ts";
import type { Delivery, DeliveryReport, StoredChunk } from "./delivery.ts";
import { nameLostStream } from "./lost_stream.ts";
import type { Repeat, StoredBefore } from "./stored_before.ts";
import { checkUploadStays } from "./stream_fit.ts";

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
 * @param before What an earlier call has stored, where it is resumed.
 * @throws {UploadIdTakenError} The stream knows a chunk of this id that this call had not sent.
 * @throws {StreamChangedError} Chunks went to different streams.
 * @throws {MessageDroppedError} The first chunk is gone again, or the whole stream.
 * @throws {NoProgressError} Nothing was acknowledged for as long as the timeout.
 */
export async function deliverOverJetStream(
  js: JetStreamClient,
  delivery: Delivery,
  stream: StreamDescription,
  before?: StoredBefore,
): Promise<DeliveryReport> {
  const { feed, subjectOf, window, timeout, signal, resumedAt = 0 } = delivery;
  const publishing = new PublishWindow(js, { window, timeout, signal });
  const lastBefore = stream.facts?.state.last_seq ?? 0;
  const sequences = new Set<number>();
  let last = before?.lastSequence ?? 0;
  let first = before?.has(0) ? before.where(0) : undefined;
  const confirm = (index: number, { stream: name, seq, duplicate }: PubAck, attempts: number) => {
    const stored: StoredChunk = { stream: name, sequence: seq };
    first ??= stored;
    const expected = stream.facts?.name ?? first.stream;
    if (name !== expected) throw new StreamChangedError(subjectOf(index), expected, name);
    // A repeat may well find that its predecessor was stored; what was sent once only, or is older than this call (or
    // the one that began it), is somebody else's.
    const oldest = before && duplicate ? before.firstSequence : lastBefore + 1;
    if (duplicate && (seq < oldest || (!before && attempts === 1))) {
      throw new UploadIdTakenError(feed.uploadId, name, index);
    }
    // A stream in memory may come back empty after a crash, and then counts from the start again.
    if (seq < oldest || sequences.has(seq)) {
      const reason = "the stream has given its sequence to another message, so it has lost some";
      throw new MessageDroppedError(`chunk ${index}`, name, seq, reason);
    }
    sequences.add(seq);
    last = Math.max(last, seq);
    delivery.onConfirmed(index, stored);
    return duplicate === true && (attempts === 1 || seq <= lastBefore);
  };
  // Repeats of what an earlier call had stored: an acknowledgement does not say whether the bytes are the same.
  const startHash = before && await loadSha256();
  const repeats: Repeat[] = [];
  const uncompared = new Map<string, number>();
  const compareRepeats = async (): Promise<void> => {
    for (const repeat of repeats.splice(0)) {
      const why = await before!.compareRepeat(repeat);
      if (why !== undefined) uncompared.set(why, (uncompared.get(why) ?? 0) + 1);
    }
  };

  try {
    for (let index = 0; index < feed.chunkCount; index++) {
      if (before?.has(index)) {
        signal?.throwIfAborted();
        if (index < resumedAt) await feed.readUpTo(index + 1);
        else await before.compare(index, (await feed.read(index)).data);
        delivery.onConfirmed(index, before.where(index));
        continue;
      }
      if (before && index === feed.chunkCount - 1) { // with the last one, a receiver may have it all
        await publishing.settled();
        await compareRepeats();
      }
      const { data, headers } = await feed.read(index);
      await publishing.send(
        { subject: subjectOf(index), data, headers, msgId: messageIdOf(feed.uploadId, index) },
        (ack, attempts) => {
          if (confirm(index, ack, attempts) && startHash) {
            const hash = startHash();
            hash.update(data);
            repeats.push({ index, sequence: ack.seq, digest: formatDigest(hash.digest()) });
          }
          // Of what was sent twice, the second copy may still be waiting to be written.
          if (attempts === 1) feed.recycle(data);
        },
      );
      delivery.onSent(index);
      if (index === 0) await publishing.settled();
    }
  } catch (error) {
    publishing.fail(error);
  }
  try {
    await publishing.settled();
  } catch (error) {
    throw await nameLostStream(js, error, {
      stream,
      first,
      subject: subjectOf(feed.chunkCount - 1),
    });
  }

  await compareRepeats();
  const stored = { subject: subjectOf(0), first: first!, last };
  const warnings = await checkUploadStays(js, stream, stored, { timeout, signal });
  const known = [...before?.warnings ?? []];
  for (const [why, count] of uncompared) {
    known.push(`what is stored of ${count} chunks was not compared with the source: ${why}`);
  }
  return { confirmed: true, warnings: [...stream.warnings, ...known, ...warnings] };
}
