/**
 * `receiveChunked` over JetStream.
 *
 * @module
 */
import { loadSha256 } from "../../_digest.ts";
import { toJetStreamClient } from "../../_jetstream/client.ts";
import { connectionOf } from "../../_jetstream/connection_of.ts";
import { type ConsumerFacts, describeConsumer } from "../../_jetstream/describe_consumer.ts";
import { PageReader } from "../../_jetstream/page_reader.ts";
import { inboundBudget } from "../../_lifecycle.ts";
import type { UploadHandler } from "../../_upload.ts";
import { ConnectionClosedError, ConsumerUnfitError } from "../../errors.ts";
import { type ChunkedReceiver, stopTimeout } from "../chunked_receiver.ts";
import type { CheckedReceiveOptions, ConsumerSource } from "../receive_options.ts";
import { StreamReceiver } from "./stream_receiver.ts";

/**
 * Gives every upload that a consumer delivers to `handler`. Resolves when the consumer was found, and fits.
 *
 * @throws {NoConsumerError} There is no such consumer.
 * @throws {ConsumerUnfitError} The consumer does not settle message by message, or an option does not go with it.
 * @throws {ConnectionClosedError} The connection is closed.
 */
export async function receiveFromStream(
  source: ConsumerSource,
  handler: UploadHandler,
  options: CheckedReceiveOptions,
): Promise<ChunkedReceiver> {
  const { domain, apiPrefix, jetstreamTimeout, signal } = options;
  const js = toJetStreamClient(source.js ?? source.nc!, {
    ...(domain !== undefined && { domain }),
    ...(apiPrefix !== undefined && { apiPrefix }),
    ...(jetstreamTimeout !== undefined && { jetstreamTimeout }),
  });
  const nc = connectionOf(js);
  if (nc.isClosed()) throw new ConnectionClosedError();
  signal?.throwIfAborted();
  const facts = await describeConsumer(js, source.stream, source.consumer, { signal });
  const { retention, allow_direct: direct } = facts.streamConfig;
  const ticketsOnly = deliversTickets(facts);
  const holdsBodies = retention !== "limits" && !ticketsOnly;
  if (options.removeWhenDone && holdsBodies) {
    throw new ConsumerUnfitError(
      facts.stream,
      facts.consumer,
      "retention",
      retention,
      "limits",
      "the stream removes what is acknowledged by itself, so removeWhenDone has nothing to remove",
    );
  }
  const startHash = await loadSha256();
  signal?.throwIfAborted();
  const buffer = inboundBudget(nc);
  const receiver = new StreamReceiver({
    nc,
    js,
    facts,
    reader: new PageReader(js, facts.stream, { budget: buffer, direct }),
    buffer,
    handler,
    options,
    startHash,
    holdsBodies,
    ticketsOnly,
    tell: (event) => {
      try {
        options.onRejected?.(event);
      } catch {
        // What the application's report does wrong must not harm an upload.
      }
    },
  });
  const onAbort = (): void => void receiver.stop(0);
  signal?.addEventListener("abort", onAbort, { once: true });
  const forget = (): void => signal?.removeEventListener("abort", onAbort);
  receiver.closed.then(forget, forget);
  return {
    closed: receiver.closed,
    stop: async (options) => await receiver.stop(stopTimeout(options)),
    [Symbol.asyncDispose]: () => receiver.stop(stopTimeout()),
  };
}

/**
 * Whether all that the consumer delivers are first chunks of uploads with one subject per chunk. A subject may end with
 * ".0" and have all chunks of its uploads: only where any id may stand before it, it is that of first chunks.
 */
function deliversTickets({ filters }: ConsumerFacts): boolean {
  return filters.length > 0 && filters.every((filter) => filter.endsWith(".*.0"));
}
