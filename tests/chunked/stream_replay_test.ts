import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { errors } from "@nats-io/nats-core";
import { Budget } from "../../src/_budget.ts";
import { loadSha256 } from "../../src/_digest.ts";
import type { PageReader, StoredMessage } from "../../src/_jetstream/page_reader.ts";
import { parseChunkMessage } from "../../src/chunked/_format/headers.ts";
import { systemTimers } from "../../src/chunked/_intake/timers.ts";
import { StreamingUpload } from "../../src/chunked/_receive/streaming_upload.ts";
import { Replay } from "../../src/chunked/_receive_stream/stream_replay.ts";
import { until } from "../_until.ts";
import { cutByHand, headersOf, payloadOf } from "./_support.ts";
import { readAll } from "./_stream_receiver.ts";

const MiB = 1024 * 1024;
const PAYLOAD = payloadOf(6 * MiB);

/**
 * An upload of six chunks that is read from a stream which has them in another order: 0, 2, 3, 4, 5, 1. There is room
 * for one chunk that comes early, so that the others have to be read a second time, each by itself.
 *
 * @param onReadAgain Called before each reading that begins below what was read before.
 */
async function replay(onReadAgain: (upload: StreamingUpload, buffer: Budget) => void) {
  const chunks = cutByHand(PAYLOAD, MiB);
  const stored: StoredMessage[] = [0, 2, 3, 4, 5, 1].map((index, at) => ({
    sequence: at + 1,
    subject: "up",
    headers: headersOf(chunks[index]!.headers),
    data: chunks[index]!.data,
  }));
  const [ticket] = stored;
  const parsed = parseChunkMessage(ticket!);
  if (parsed.type !== "chunk") throw new Error("the ticket is no chunk");
  const stop = new AbortController();
  const buffer = new Budget(4 * MiB);
  const received: Uint8Array[] = [];
  const upload = new StreamingUpload({
    info: parsed.info,
    chunkSize: MiB,
    headers: ticket!.headers!,
    subject: "up",
    deliveryCount: 2,
    startHash: await loadSha256(),
    handler: async (body) => void received.push(await readAll(body)),
    handlerTimeout: undefined,
    timers: systemTimers,
    buffer,
    onConsumed: () => reading.onRoom(),
    onHungry: () => reading.onRoom(),
  });
  upload.offer(parsed.info, ticket!.data);
  let highest = 0;
  const reader: Pick<PageReader, "read"> = {
    async read({ from, maxBytes }, onMessage) {
      await Promise.resolve();
      if (from < highest) onReadAgain(upload, buffer);
      let count = 0;
      let bytes = 0;
      for (const message of stored.filter(({ sequence }) => sequence >= from)) {
        highest = Math.max(highest, message.sequence);
        count++;
        bytes += message.data.length;
        if (!onMessage(message, 0) || bytes >= maxBytes) break;
      }
      return count;
    },
  };
  const problems: unknown[] = [];
  const reading = new Replay({
    upload,
    reader: reader as PageReader,
    subject: "up",
    first: 2,
    from: 2,
    pageBytes: () => 4 * MiB,
    signal: stop.signal,
    onTaken: () => {},
    onRefused: (refusal) => problems.push(refusal),
    onError: (error) => problems.push(error),
  });
  try {
    await until(() => received.length === 1 || problems.length > 0);
  } finally {
    stop.abort();
  }
  return { received, problems };
}

test("Replay reads chunks again that came too early for the room that there was", async () => {
  let again = 0;
  const { received, problems } = await replay(() => void again++);
  assertEquals(problems, []);
  assertEquals(received[0], PAYLOAD);
  assertEquals(again > 0, true);
});

test("Replay reads such a chunk once more when the connection was lost meanwhile", async () => {
  let again = 0;
  const { received, problems } = await replay(() => {
    if (++again === 1) throw new errors.ConnectionError("the connection was lost");
  });
  assertEquals(problems, []);
  assertEquals(received[0], PAYLOAD);
});
