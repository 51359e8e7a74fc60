/** Sources that do not give what they should, and uploads that fail with a source in hand. */
import { test } from "node:test";
import { jetstream, type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/nats-core";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import { publishChunked, type PublishChunkedOptions } from "../../src/chunked/mod.ts";
import { JetStreamMissingError, NoProgressError, NoStreamError } from "../../src/errors.ts";
import { failure } from "./_failure.ts";
import { type RunningReceiver, startReceiver } from "./_receiver.ts";
import { useServer } from "./_server.ts";
import { piecesOf, seekable, thenHangs, thenThrows, watchedStream } from "./_sources.ts";
import { storedChunks } from "./_stored.ts";
import { payloadOf } from "./_support.ts";
import { failed, sourceFailed } from "./_upload_world.ts";

const world = useServer();
const LONG = { timeout: 30_000 };
const SIZE = 50_000;
const DATA = payloadOf(SIZE);
const OPTIONS = { size: SIZE, chunkSize: 10_000, window: 20_000 };

/** The stream of this file; without effect where it is there. */
async function addStream(nc: NatsConnection): Promise<JetStreamManager> {
  const jsm = await jetstreamManager(nc);
  await jsm.streams.add({ name: "FAULTS", subjects: ["faults.>"] });
  return jsm;
}

/** Sends over one of the two targets, and looks that nothing has become whole. */
async function withTarget(
  target: "core" | "jetstream",
  run: (
    publish: (source: unknown, options?: PublishChunkedOptions) => Promise<unknown>,
  ) => Promise<void>,
): Promise<void> {
  const [nc, other] = [await world.open(), await world.open()];
  const manager = await addStream(other);
  await manager.streams.purge("FAULTS");
  const receiver: RunningReceiver | undefined = target === "core"
    ? await startReceiver(other, "receives")
    : undefined;
  const publish = (source: unknown, options: PublishChunkedOptions = {}): Promise<unknown> =>
    target === "core"
      ? publishChunked(nc, "receives", source as Blob, { ...OPTIONS, ...options })
      : publishChunked(jetstream(nc), "faults.x", source as Blob, { ...OPTIONS, ...options });
  await run(publish);
  assertEquals(receiver?.payloads.length ?? 0, 0);
  const stored = await storedChunks(manager, "FAULTS");
  assertEquals(stored.filter(({ index }) => index === 4), [], "the last chunk was sent");
}

for (const target of ["core", "jetstream"] as const) {
  test(
    `publishChunked() over ${target} fails, names both sizes and cancels when a stream ends early`,
    LONG,
    async () => {
      await withTarget(target, async (publish) => {
        const watched = watchedStream(piecesOf(DATA.subarray(0, SIZE - 1), [999]));
        const error = await sourceFailed(publish(watched.stream));
        assertEquals([error.expectedSize, error.actualSize], [SIZE, SIZE - 1]);
        // It has ended by itself: there is nothing to cancel, only to unlock.
        assertEquals([watched.cancelled, watched.stream.locked], [[], false]);
      });
    },
  );

  test(
    `publishChunked() over ${target} fails and cancels when a stream gives more, before its last chunk`,
    LONG,
    async () => {
      await withTarget(target, async (publish) => {
        for (const size of [SIZE + 1, 2 * SIZE]) {
          const watched = watchedStream(piecesOf(payloadOf(size), [10_000]));
          const error = await sourceFailed(publish(watched.stream));
          assertEquals([error.expectedSize, error.actualSize > SIZE], [SIZE, true]);
          assertEquals([watched.cancelled.length, watched.stream.locked], [1, false]);
          assertStrictEquals(watched.cancelled[0], error);
        }
      });
    },
  );

  test(
    `publishChunked() over ${target} fails with what a source throws, and returns its iterator`,
    LONG,
    async () => {
      await withTarget(target, async (publish) => {
        const thrown = new Error("the disk is gone");
        const error = await sourceFailed(publish(thenThrows(DATA.subarray(0, 25_000), thrown)));
        assertStrictEquals(error.cause, thrown);
        assertEquals([error.expectedSize, error.actualSize], [SIZE, 25_000]);

        let returned = 0;
        async function* strange(): AsyncGenerator<unknown> {
          try {
            yield DATA.subarray(0, 12_345);
            yield "not bytes";
          } finally {
            returned++;
          }
        }
        const odd = await sourceFailed(publish(strange()));
        assertEquals([odd.actualSize, returned], [12_345, 1]);
      });
    },
  );

  test(
    `publishChunked() over ${target} aborts while a read hangs, and cancels with the reason`,
    LONG,
    async () => {
      await withTarget(target, async (publish) => {
        const controller = new AbortController();
        const reason = new Error("enough");
        const watched = watchedStream(thenHangs(DATA.subarray(0, 35_000)));
        const startedAt = performance.now();
        const error = await failed(publish(watched.stream, {
          signal: controller.signal,
          onProgress: ({ confirmedBytes }) => confirmedBytes === 30_000 && controller.abort(reason),
        }));
        assertStrictEquals(error.cause, reason);
        assertEquals([watched.cancelled, watched.stream.locked], [[reason], false]);
        assertEquals([error.confirmedChunks, error.resumeToken?.confirmedChunks], [3, 3]);
        assert(performance.now() - startedAt < 5_000);
      });
    },
  );

  test(
    `publishChunked() over ${target} does not wait longer than its timeout for a source`,
    LONG,
    async () => {
      await withTarget(target, async (publish) => {
        const watched = watchedStream(thenHangs(DATA)); // everything is there, but it does not end
        const error = await failed(publish(watched.stream, { timeout: 300 }));
        assertInstanceOf(error.cause, NoProgressError);
        assertEquals(error.cause.message, "reading the source: no progress for 300 ms");
        assertEquals(watched.cancelled.length, 1);
      });
    },
  );
}

test("publishChunked() leaves a source alone whose arguments are refused, and cancels it after that", async () => {
  const nc = await world.open();
  const left = watchedStream(piecesOf(DATA));
  const bad = { ...OPTIONS, window: 0 };
  await assertRejects(() => publishChunked(nc, "x", left.stream, bad), RangeError);
  assertEquals([left.cancelled, left.stream.locked], [[], false]);

  const unwanted = watchedStream(piecesOf(DATA));
  const nowhere = publishChunked(jetstream(nc), "nowhere", unwanted.stream, OPTIONS);
  const error = await assertRejects(() => nowhere, NoStreamError);
  assertEquals([unwanted.cancelled, unwanted.stream.locked], [[error], false]);

  const aborted = watchedStream(piecesOf(DATA));
  const signal = AbortSignal.abort("never");
  await failed(publishChunked(nc, "x", aborted.stream, { ...OPTIONS, signal }));
  assertEquals([aborted.cancelled, aborted.taken], [["never"], 0]);

  const unheard = watchedStream(piecesOf(DATA));
  await failure(publishChunked(nc, "unheard", unheard.stream, OPTIONS), "absent");
  assertEquals([unheard.cancelled.length, unheard.stream.locked], [1, false]);
});

test("publishChunked() refuses a stream that somebody else reads, before anything is sent", async () => {
  const nc = await world.open();
  const { stream } = watchedStream(piecesOf(DATA));
  stream.getReader();
  const jsm = await addStream(nc);
  const { state } = await jsm.streams.info("FAULTS");
  const publishing = publishChunked(jetstream(nc), "faults.x", stream, OPTIONS);
  await assertRejects(() => publishing, TypeError, "source is a locked stream");
  assertEquals((await jsm.streams.info("FAULTS")).state.last_seq, state.last_seq);
});

test("publishChunked() fails with what onProgress throws, and cancels its source", async () => {
  const nc = await world.open();
  await addStream(nc);
  const thrown = new Error("broken progress bar");
  const source = seekable(payloadOf(500_000));
  const error = await failed(publishChunked(jetstream(nc), "faults.x", source, {
    chunkSize: 10_000,
    onProgress: ({ confirmedBytes }) => {
      if (confirmedBytes > 0) throw thrown;
    },
  }));
  assertStrictEquals(error.cause, thrown);
  assertEquals(source.cancelled, [thrown]);
});

test(
  "publishChunked() cannot go on with a stream when the receiver was started anew",
  LONG,
  async () => {
    const sender = await world.open();
    const first = await world.open();
    await startReceiver(first, "restarted");
    const data = payloadOf(2_000_000);
    const watched = watchedStream(piecesOf(data, [20_000]));
    let crash: Promise<unknown> | undefined;
    const publishing = publishChunked(sender, "restarted", watched.stream, {
      size: data.length,
      chunkSize: 20_000,
      window: 100_000,
      timeout: 4_000,
      onProgress: ({ confirmedBytes }) => {
        if (confirmedBytes < 500_000) return;
        crash ??= first.close().then(async () => startReceiver(await world.open(), "restarted"));
      },
    });
    await failure(publishing, "restarted");
    await crash;
    assertEquals([watched.cancelled.length, watched.stream.locked], [1, false]);
  },
);

test(
  "publishChunked() goes on from a seekable source when the receiver was started anew",
  LONG,
  async () => {
    const sender = await world.open();
    const first = await world.open();
    await startReceiver(first, "again");
    const data = payloadOf(2_000_000);
    const source = seekable(data);
    let second: RunningReceiver | undefined;
    let crash: Promise<void> | undefined;
    await publishChunked(sender, "again", source, {
      chunkSize: 20_000,
      window: 100_000,
      timeout: 8_000,
      onProgress: ({ confirmedBytes }) => {
        if (confirmedBytes < 500_000) return;
        crash ??= first.close().then(async () => {
          second = await startReceiver(await world.open(), "again");
        });
      },
    });
    await crash;
    assertEquals(second!.payloads.map((payload) => payload.data), [data]);
    assertEquals(source.reads[0], [0, data.length]);
    assert(source.reads.length > 20, "nothing was read again");
  },
);

test("publishChunked() names the domain in which there is no JetStream", async () => {
  const nc = await world.open();
  const wrong = jetstream(nc, { domain: "elsewhere", timeout: 500 });
  const publishing = publishChunked(wrong, "faults.x", DATA);
  const error = await assertRejects(() => publishing, JetStreamMissingError);
  assertEquals(error.message, 'there is no JetStream in the domain "elsewhere"');
});
