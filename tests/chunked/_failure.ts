/** Expectations about failed uploads, and slow receivers. */
import type { Msg } from "@nats-io/nats-core";
import { assertEquals, assertInstanceOf, assertRejects, assertStringIncludes } from "@std/assert";
import { ChunkedPublishError, ReceiverError, type ReceiverFailure } from "../../src/errors.ts";

/** Expects that no receiver took the upload, and why. */
export async function failure(
  publishing: Promise<unknown>,
  reason: ReceiverFailure,
): Promise<ReceiverError> {
  const error = await assertRejects(() => publishing, ChunkedPublishError);
  assertInstanceOf(error.cause, ReceiverError);
  assertEquals(error.cause.reason, reason, error.cause.message);
  assertStringIncludes(error.message, error.cause.message);
  return error.cause;
}

/** Busy for `ms` with each message, as a receiver is that writes to a slow disk synchronously. */
export function busy(ms: number): (messages: AsyncIterable<Msg>) => AsyncIterable<Msg> {
  return async function* (messages) {
    for await (const message of messages) {
      const end = performance.now() + ms;
      while (performance.now() < end);
      yield message;
    }
  };
}
