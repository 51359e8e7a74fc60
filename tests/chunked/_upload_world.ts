/** What the tests of whole uploads share: their targets, and what has arrived there. */
import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { jetstream, type JetStreamClient, type JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/nats-core";
import { ChunkedPublishError, SourceError } from "../../src/errors.ts";
import { storedChunks } from "./_stored.ts";

/** A client that counts the chunks that it publishes, repeats included. */
export function countingClient(nc: NatsConnection): { js: JetStreamClient; published: string[] } {
  const js = jetstream(nc);
  const publish = js.publish.bind(js);
  const published: string[] = [];
  js.publish = (subject, data, options) => {
    published.push(options!.msgID!);
    return publish(subject, data, options);
  };
  return { js, published };
}

/** Asserts that the stream has the payload, every chunk once, and the first one first. */
export async function assertWhole(
  jsm: JetStreamManager,
  stream: string,
  uploadId: string,
  payload: Uint8Array,
): Promise<void> {
  const chunks = (await storedChunks(jsm, stream)).filter(({ id }) => id.startsWith(uploadId));
  assertEquals(chunks[0]!.index, 0);
  chunks.sort((a, b) => a.index - b.index);
  assertEquals(chunks.map(({ index }) => index), [...chunks.keys()]);
  const whole = new Uint8Array(payload.length);
  let at = 0;
  for (const { data } of chunks) {
    whole.set(data, at);
    at += data.length;
  }
  assertEquals(at, payload.length);
  assert(whole.every((byte, index) => byte === payload[index]), "the bytes differ");
}

/** Expects that the upload fails. */
export async function failed(publishing: Promise<unknown>): Promise<ChunkedPublishError> {
  return await assertRejects(() => publishing, ChunkedPublishError);
}

/** Expects that the upload fails because of its source. */
export async function sourceFailed(publishing: Promise<unknown>): Promise<SourceError> {
  const { cause } = await failed(publishing);
  assertInstanceOf(cause, SourceError);
  return cause;
}
