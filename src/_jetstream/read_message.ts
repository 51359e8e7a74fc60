/**
 * Reading one stored message: fast from any replica where the bucket allows it, and a miss only on the word of the
 * stream's leader.
 *
 * @module
 */
import type { LastForMsgRequest, SeqMsgRequest, StoredMsg } from "@nats-io/jetstream";
import { hasName } from "../_retry.ts";
import { type Bucket, readError } from "./bucket.ts";

/** Which message: the last one of a subject, or the first one of it at or after a sequence. */
export type MessageQuery = LastForMsgRequest | (SeqMsgRequest & { next_by_subj: string });

/**
 * The message, or `null` if the leader says that there is none: a replica that is behind, or was just asked about
 * something newer than itself, misses what is there (ADR-8, ADR-31).
 *
 * @param consistent Ask the leader alone.
 * @throws {BucketNotFoundError} The bucket is gone.
 * @throws {ConnectionClosedError} The connection is closed.
 */
export async function readMessage(
  bucket: Bucket,
  query: MessageQuery,
  consistent = false,
): Promise<StoredMsg | null> {
  const found = bucket.direct && !consistent ? await readDirect(bucket, query) : null;
  if (found) return found;
  try {
    return await bucket.jsm.streams.getMessage(bucket.stream, query);
  } catch (error) {
    throw readError(bucket, error);
  }
}

async function readDirect(bucket: Bucket, query: MessageQuery): Promise<StoredMsg | null> {
  try {
    return await bucket.jsm.direct.getMessage(bucket.stream, query);
  } catch (error) {
    // Direct access was switched off since, or the stream is gone: the leader knows which.
    if (hasName(error, "NoResponders")) return null;
    throw readError(bucket, error);
  }
}
