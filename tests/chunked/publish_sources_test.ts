/** Every kind of source, over both deliveries, against a real server. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { jetstream, type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/nats-core";
import { assert, assertEquals, assertMatch } from "@std/assert";
import fc from "fast-check";
import type { ByteSource } from "../../src/_source.ts";
import { publishChunked } from "../../src/chunked/mod.ts";
import { startNatsServer } from "../../src/testing/mod.ts";
import { startReceiver } from "./_receiver.ts";
import { useServer } from "./_server.ts";
import { piecesOf, seekable, watchedStream } from "./_sources.ts";
import { digestOf, payloadOf } from "./_support.ts";
import { assertWhole } from "./_upload_world.ts";

const world = useServer();
const LONG = { timeout: 60_000 };
let subjects = 0;

async function openStream(): Promise<{ nc: NatsConnection; jsm: JetStreamManager; name: string }> {
  const nc = await world.open();
  const jsm = await jetstreamManager(nc);
  const name = `SOURCES${++subjects}`;
  await jsm.streams.add({ name, subjects: [`${name}.>`] });
  return { nc, jsm, name };
}

/** Every kind of source over the same bytes, in pieces of these sizes. */
const KINDS: Record<string, (data: Uint8Array, sizes: number[]) => ByteSource> = {
  bytes: (data) => data,
  Blob: (data) => new Blob([data.slice()]),
  SeekableSource: (data) => seekable(data),
  ReadableStream: (data, sizes) => watchedStream(piecesOf(data, sizes)).stream,
  AsyncIterable: (data, sizes) => piecesOf(data, sizes),
};

/** Sizes at the edges of chunks, and pieces of any size, empty ones included. */
const cases = fc.record({
  kind: fc.constantFrom(...Object.keys(KINDS)),
  chunkSize: fc.integer({ min: 1, max: 3_000 }),
  multiple: fc.integer({ min: 0, max: 5 }),
  offset: fc.constantFrom(-1, 0, 1),
  sizes: fc.array(fc.integer({ min: 0, max: 4_000 }), { maxLength: 5 }),
}).map(({ multiple, offset, ...rest }) => {
  const data = payloadOf(Math.max(0, rest.chunkSize * multiple + offset), rest.chunkSize);
  return { ...rest, data, sizes: [...rest.sizes, rest.chunkSize] };
});

test(
  "publishChunked() carries every kind of source over core NATS, in pieces of any size",
  LONG,
  async () => {
    const [sender, nc] = [await world.open(), await world.open()];
    const receiver = await startReceiver(nc, "sources.>");
    await fc.assert(
      fc.asyncProperty(cases, async ({ kind, chunkSize, data, sizes }) => {
        const source = KINDS[kind]!(data, sizes);
        const options = { chunkSize, size: data.length };
        const receipt = await publishChunked(sender, `sources.${++subjects}`, source, options);
        const payload = receiver.payloads.at(-1)!;
        assertEquals([payload.uploadId, payload.data], [receipt.uploadId, data]);
        assertEquals([receipt.totalSize, receipt.digest], [data.length, await digestOf(data)]);
        assertEquals(receipt.chunkCount, Math.max(1, Math.ceil(data.length / chunkSize)));
      }),
      { numRuns: 60 },
    );
    assertEquals(receiver.rejected, []);
  },
);

test(
  "publishChunked() stores every kind of source in a stream, in pieces of any size",
  LONG,
  async () => {
    const { nc, jsm, name } = await openStream();
    await fc.assert(
      fc.asyncProperty(cases, async ({ kind, chunkSize, data, sizes }) => {
        await jsm.streams.purge(name);
        const source = KINDS[kind]!(data, sizes);
        const options = { chunkSize, size: data.length };
        const receipt = await publishChunked(jetstream(nc), `${name}.x`, source, options);
        assertEquals([receipt.digest, receipt.confirmed], [await digestOf(data), true]);
        await assertWhole(jsm, name, receipt.uploadId, data);
      }),
      { numRuns: 40 },
    );
  },
);

test("publishChunked() takes single bytes, and nothing at all", LONG, async () => {
  const { nc, jsm, name } = await openStream();
  for (const data of [payloadOf(20_000), new Uint8Array()]) {
    for (const source of [piecesOf(data, [1]), watchedStream(piecesOf(data, [1])).stream]) {
      const options = { chunkSize: 7_000, size: data.length };
      const receipt = await publishChunked(jetstream(nc), `${name}.x`, source, options);
      await assertWhole(jsm, name, receipt.uploadId, data);
    }
  }
});

test("publishChunked() has the name of a seekable source, and of nothing else", async () => {
  const [sender, nc] = [await world.open(), await world.open()];
  const receiver = await startReceiver(nc, "names");
  await publishChunked(sender, "names", seekable(payloadOf(5), "a.bin"));
  await publishChunked(sender, "names", seekable(payloadOf(5), "a.bin"), { filename: "b.bin" });
  await publishChunked(sender, "names", piecesOf(payloadOf(5)), { size: 5 });
  assertEquals(receiver.payloads.map(({ filename }) => filename), ["a.bin", "b.bin", undefined]);
});

test("publishChunked() sends a stream without credit to receivers that give none", async () => {
  const [sender, nc] = [await world.open(), await world.open()];
  const receiver = await startReceiver(nc, "bare", {
    through: async function* (messages) {
      for await (const message of messages) {
        message.headers!.delete("X-Chunk-Credit");
        yield message;
      }
    },
  });
  const data = payloadOf(50_000);
  const options = { delivery: "unconfirmed", chunkSize: 7_000, size: data.length } as const;
  const receipt = await publishChunked(sender, "bare", piecesOf(data, [999]), options);
  assertEquals([receipt.confirmed, receipt.digest], [false, await digestOf(data)]);
  await nc.flush();
  assertEquals(receiver.payloads.map((payload) => payload.data), [data]);
});

for (const target of ["core", "jetstream"] as const) {
  test(
    `publishChunked() holds no more of a stream than its window, over ${target}`,
    LONG,
    async () => {
      const { nc, name } = await openStream();
      const subject = target === "core" ? "held" : `${name}.x`;
      const receiver = await startReceiver(await world.open(), "held");
      const data = payloadOf(4_000_000);
      const watched = watchedStream(piecesOf(data, [30_000]));
      const [chunkSize, window] = [50_000, 200_000];
      let most = 0;
      await publishChunked(target === "core" ? nc : jetstream(nc), subject, watched.stream, {
        size: data.length,
        chunkSize,
        window,
        onProgress: ({ confirmedBytes }) => most = Math.max(most, watched.taken - confirmedBytes),
      });
      assert(most > chunkSize && most <= window + 2 * chunkSize, `${most} bytes were held`);
      assertEquals([watched.taken, watched.stream.locked], [data.length, false]);
      if (target === "core") assertEquals(receiver.payloads[0]!.data, data);
    },
  );
}

test("publishChunked() keeps asking while its source is slow", LONG, async () => {
  const [sender, nc] = [await world.open(), await world.open()];
  const receiver = await startReceiver(nc, "slow");
  let asks = 0;
  nc.subscribe("slow", {
    callback: (_error, { headers }) => {
      if (headers!.get("X-Payload-Type") === "chunked-ask") asks++;
    },
  });
  await nc.flush();
  const data = payloadOf(30_000);
  async function* pausing(): AsyncGenerator<Uint8Array> {
    yield data.subarray(0, 15_000);
    const before = asks;
    const deadline = performance.now() + 10_000;
    // Only a sender that is heard of meanwhile is still there for its receiver.
    while (asks < before + 3 && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    assert(asks >= before + 3, "nobody asked");
    yield data.subarray(15_000);
  }
  const options = { size: data.length, chunkSize: 10_000, timeout: 4_000 };
  const receipt = await publishChunked(sender, "slow", pausing(), options);
  assertMatch(receipt.digest!, /^SHA-256=/);
  assertEquals(receiver.payloads.map((payload) => payload.data), [data]);
});

test(
  "publishChunked() shrinks its window for a stream whose queue is full, with streams as sources",
  LONG,
  async () => {
    const storeDir = await mkdtemp(join(tmpdir(), "natskit-sources-"));
    try {
      await using narrow = await startNatsServer({
        storeDir,
        config: `jetstream {
        store_dir: ${JSON.stringify(storeDir)}, max_buffered_msgs: 2, sync_interval: always
      }`,
      });
      const clients = await Promise.all(
        [1, 2, 3, 4].map(() => world.open({ servers: narrow.url })),
      );
      const jsm = await jetstreamManager(clients[0]!);
      await jsm.streams.add({ name: "NARROW", subjects: ["narrow"] });
      let refused = 0;
      const data = payloadOf(500_000);
      const receipts = await Promise.all(clients.map((client) => {
        const js = jetstream(client);
        const publish = js.publish.bind(js);
        js.publish = async (...args) => {
          try {
            return await publish(...args);
          } catch (error) {
            if ((error as { status?: number }).status === 429) refused++;
            throw error;
          }
        };
        const source = watchedStream(piecesOf(data, [3_333])).stream;
        return publishChunked(js, "narrow", source, { size: data.length, chunkSize: 5_000 });
      }));
      assert(refused > 0, "the queue was never full");
      for (const { uploadId } of receipts) await assertWhole(jsm, "NARROW", uploadId, data);
    } finally {
      await rm(storeDir, { recursive: true, force: true });
    }
  },
);

test(
  "publishChunked() completes across a kill and restart of the server, with streams as sources",
  LONG,
  async () => {
    const { nc, jsm, name } = await openStream();
    const [sender, receiving] = [await world.open(), await world.open()];
    const receiver = await startReceiver(receiving, "killed");
    const data = payloadOf(6_000_000);
    let restarted: Promise<void> | undefined;
    const kill = ({ confirmedBytes }: { confirmedBytes: number }): void => {
      if (confirmedBytes < 2_000_000) return;
      restarted ??= world.server.kill().then(() => world.server.restart());
    };
    const options = { size: data.length, chunkSize: 20_000, window: 400_000, onProgress: kill };
    const watched = watchedStream(piecesOf(data, [33_000]));
    const [stored, received] = await Promise.all([
      publishChunked(jetstream(nc), `${name}.x`, watched.stream, options),
      publishChunked(sender, "killed", piecesOf(data, [33_000]), options),
    ]);
    assert(restarted !== undefined, "the server was never killed");
    await restarted;
    const digest = await digestOf(data);
    assertEquals([stored.digest, received.digest], [digest, digest]);
    await assertWhole(jsm, name, stored.uploadId, data);
    assertEquals(receiver.payloads.map((payload) => payload.data), [data]);
    assertEquals([watched.cancelled, receiver.rejected], [[], []]);
  },
);
