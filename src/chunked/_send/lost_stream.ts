/**
 * Why nothing moves any more: a stream that was deleted answers nothing.
 *
 * @module
 */
import type { JetStreamClient } from "@nats-io/jetstream";
import { describeStream, type StreamDescription } from "../../_jetstream/describe_stream.ts";
import { hasName } from "../../_retry.ts";
import { MessageDroppedError, NoStreamError } from "../../errors.ts";
import type { StoredChunk } from "./delivery.ts";

/** How long the question may take, in milliseconds: the upload has failed already. */
const PATIENCE = 2_000;

/** What is known of the upload that failed. */
export interface FailedUpload {
  /** The stream, as it was found before. */
  readonly stream: StreamDescription;
  /** Chunk 0, if it was stored. */
  readonly first: StoredChunk | undefined;
  /** The subject of the last chunk. */
  readonly subject: string;
}

/** `error`, or where there was no progress because there is no stream any more, an error that says so. */
export async function nameLostStream(
  js: JetStreamClient,
  error: unknown,
  { stream: { facts }, first, subject }: FailedUpload,
): Promise<unknown> {
  if (!hasName(error, "NoProgressError")) return error;
  const lost = (reason: string): Error =>
    first
      ? new MessageDroppedError("the first chunk", first.stream, first.sequence, reason, {
        cause: error,
      })
      : new NoStreamError(subject, { cause: error });
  try {
    const { facts: now } = await describeStream(js, subject, { timeout: PATIENCE });
    const isSame = !facts || !now || (now.name === facts.name && now.created === facts.created);
    return isSame
      ? error
      : lost("the stream was deleted meanwhile, and another one took its subject");
  } catch (found) {
    return hasName(found, "NoStreamError") ? lost("the stream was deleted meanwhile") : error;
  }
}
