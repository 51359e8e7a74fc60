import { test } from "node:test";
import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { loadSha256 } from "../../src/_digest.ts";
import { describeSource, type PayloadSource } from "../../src/_payload_source.ts";
import type { ByteSource } from "../../src/_source.ts";
import { type KnownPayload, SourceFeed } from "../../src/chunked/_send/chunk_feed.ts";
import { ReceiverError, ResumeError, SourceError } from "../../src/errors.ts";
import { piecesOf, seekable } from "./_sources.ts";
import { digestOf, payloadOf } from "./_support.ts";

const ID = "0f8fad5b-d9cb-469f-a165-70867728950e";
const startHash = await loadSha256();

const BOUNDS = { timeout: 10_000, signal: undefined };

function open(source: ByteSource, size?: number): PayloadSource {
  return describeSource("source", source, size).open(BOUNDS);
}

function feedOf(
  source: PayloadSource,
  chunkSize: number,
  { digest = true, known }: { digest?: boolean; known?: KnownPayload } = {},
): SourceFeed {
  const metadata = {
    uploadId: ID,
    chunkCount: Math.max(1, Math.ceil(source.size / chunkSize)),
    totalSize: source.size,
    filename: "ä.bin",
    contentType: undefined,
  };
  const own = [["X-Own", ["1"]]] as const;
  const hash = digest ? startHash() : undefined;
  return new SourceFeed(source, metadata, chunkSize, own, hash, known);
}

test("SourceFeed cuts any size into chunks that make the whole again, digest on the last", async () => {
  for (const size of [0, 1, 999, 1_000, 1_001, 1_999, 2_000, 2_001]) {
    const data = payloadOf(size);
    const plain = piecesOf(data, [7, 1_300, 1]);
    for (const source of [data, new Blob([data.slice()]), seekable(data), plain]) {
      const feed = feedOf(open(source, size), 1_000);
      const chunks: number[] = [];
      const digests: string[] = [];
      for (let index = 0; index < feed.chunkCount; index++) {
        const chunk = await feed.read(index);
        assertEquals(chunk.data.length, feed.sizeOf(index));
        assertEquals(chunk.headers.get("X-Chunk-Index"), String(index));
        chunks.push(...chunk.data);
        digests.push(chunk.headers.get("X-Payload-Digest"));
      }
      const digest = await digestOf(data);
      assertEquals(Uint8Array.from(chunks), data);
      assertEquals(digests, [...new Array(feed.chunkCount - 1).fill(""), digest]);
      assertEquals(feed.digest, digest);
    }
  }
});

test("SourceFeed hashes each chunk once, however often chunks are read again", async () => {
  const data = payloadOf(3_500);
  const feed = feedOf(open(data), 1_000);
  for (const index of [0, 0, 1, 0, 1, 2, 1, 3, 0]) await feed.read(index);
  assertEquals(feed.digest, await digestOf(data));
  const again = await feed.read(3);
  assertEquals(again.data, data.subarray(3_000));
  assertEquals(again.headers.get("X-Payload-Digest"), await digestOf(data));
});

test("SourceFeed gives fresh headers each time, and describes chunk 0 without reading", () => {
  const feed = feedOf(
    { ...open(payloadOf(5)), read: () => Promise.reject() },
    10,
  );
  const first = feed.describe();
  first.set("X-Chunk-Ask", "1");
  assertEquals(feed.describe().has("X-Chunk-Ask"), false);
  assertEquals([...feed.describe()], [
    ["X-Own", ["1"]],
    ["X-Payload-Type", ["chunked-upload"]],
    ["X-Chunked-Upload-Id", [ID]],
    ["X-Chunk-Index", ["0"]],
    ["X-Chunk-Count", ["1"]],
    ["X-Total-Size", ["5"]],
    ["X-Filename", ["ä.bin"]],
    ["X-Chunk-Digest", ["SHA-256"]],
  ]);
});

test("SourceFeed has no digest where none is wanted", async () => {
  const feed = feedOf(open(payloadOf(5)), 10, { digest: false });
  const { headers } = await feed.read(0);
  assertEquals([headers.has("X-Payload-Digest"), feed.digest], [false, undefined]);
});

test("SourceFeed fails when the source gives less than its size says", async () => {
  const feed = feedOf(open(piecesOf(payloadOf(13), [4]), 15), 10);
  await feed.read(0);
  const error = await assertRejects(() => feed.read(1), SourceError);
  assertEquals([error.expectedSize, error.actualSize, feed.digest], [15, 13, undefined]);
});

test("SourceFeed has its last chunk only when the source has ended", async () => {
  const feed = feedOf(open(piecesOf(payloadOf(16), [5]), 15), 10);
  await feed.read(0);
  const error = await assertRejects(() => feed.read(1), SourceError);
  assertEquals([error.expectedSize, error.actualSize, feed.digest], [15, 16, undefined]);
});

test("SourceFeed keeps what cannot be read twice until it is released", async () => {
  const data = payloadOf(4_500);
  const feed = feedOf(open(piecesOf(data, [900]), data.length), 1_000);
  feed.keep();
  for (const index of [0, 1, 2]) await feed.read(index);
  assertEquals((await feed.read(1)).data, data.subarray(1_000, 2_000));
  feed.release((index) => index === 0 || index === 2, true);
  assertEquals([0, 1, 2].map((index) => feed.isAtHand(index)), [false, true, false]);
  const error = await assertRejects(() => feed.read(2), ReceiverError);
  assertEquals(error.reason, "restarted");
  assertEquals((await feed.read(4)).data, data.subarray(4_000)); // chunk 3 is only hashed
  assertEquals(feed.digest, await digestOf(data));
});

test("SourceFeed fills again what was sent once and has arrived, and nothing else", async () => {
  const data = payloadOf(6_000);
  const feed = feedOf(open(piecesOf(data, [300]), data.length), 1_000);
  assertEquals(feed.keep(), true);
  const first = (await feed.read(0)).data;
  feed.release((index) => index === 0, true);
  const second = (await feed.read(1)).data;
  assertStrictEquals(second, first);
  assertEquals(second, data.subarray(1_000, 2_000));
  await feed.read(1); // it is sent again
  feed.release((index) => index === 1, true);
  const third = (await feed.read(2)).data;
  assertEquals([third === first, third], [false, data.subarray(2_000, 3_000)]);
  feed.release((index) => index === 2, false); // somebody else may have sent it
  const fourth = (await feed.read(3)).data;
  assertEquals([fourth === third, third], [false, data.subarray(2_000, 3_000)]);
  await feed.readUpTo(6);
  assertEquals(feed.digest, await digestOf(data));
  assertEquals(feedOf(open(data), 1_000).keep(), false);
});

test("SourceFeed reads ahead what it gives later", async () => {
  const data = payloadOf(2_500);
  for (const source of [seekable(data), piecesOf(data, [300])]) {
    const feed = feedOf(open(source, data.length), 1_000);
    feed.keep();
    assertEquals(feed.isAtHand(0), false);
    await feed.load(0);
    assertEquals([feed.isAtHand(0), feed.isAtHand(1)], [true, false]);
    assertEquals((await feed.read(0)).data, data.subarray(0, 1_000));
    await feed.load(2);
    assertEquals((await feed.read(2)).data, data.subarray(2_000));
    assertEquals(feed.digest, await digestOf(data));
  }
});

test("SourceFeed puts the digest on every chunk after hashAll(), if its source can be read again", async () => {
  const data = payloadOf(2_500);
  const feed = feedOf(open(seekable(data)), 1_000);
  await feed.read(0);
  assertEquals(await feed.hashAll(), true);
  const { data: again, headers } = await feed.read(1);
  assertEquals(again, data.subarray(1_000, 2_000));
  assertEquals(headers.get("X-Payload-Digest"), await digestOf(data));
  const plain = feedOf(open(piecesOf(data, [300]), data.length), 1_000);
  assertEquals([await plain.hashAll(), plain.digest], [false, undefined]);
});

test("SourceFeed knows the digest of its beginning as far as it is confirmed", async () => {
  const data = payloadOf(3_500);
  const feed = feedOf(open(data), 1_000);
  assertEquals(feed.prefix(0), { chunks: 0, digest: await digestOf(new Uint8Array()) });
  for (const index of [0, 1, 2]) await feed.read(index);
  assertEquals(feed.prefix(2), { chunks: 2, digest: await digestOf(data.subarray(0, 2_000)) });
  feed.confirmed(2);
  await feed.read(3);
  assertEquals(feed.prefix(3), { chunks: 3, digest: await digestOf(data.subarray(0, 3_000)) });
  assertEquals(feedOf(open(data), 1_000, { digest: false }).prefix(2), { chunks: 2 });
});

test("SourceFeed refuses a source that is not the one that was begun with", async () => {
  const data = payloadOf(3_500);
  const before = {
    confirmedChunks: 2,
    digest: await digestOf(data.subarray(0, 2_000)),
    payloadDigest: await digestOf(data),
  };
  const same = feedOf(open(data), 1_000, { known: before });
  await same.readUpTo(4);
  assertEquals(same.digest, before.payloadDigest);

  const changed = data.slice();
  changed[1_999]! ^= 1;
  const begun = await assertRejects(
    () => feedOf(open(changed), 1_000, { known: before }).readUpTo(2),
    ResumeError,
  );
  assertEquals([begun.reason, begun.expected], ["changed", before.digest]);
  assertEquals(begun.actual, await digestOf(changed.subarray(0, 2_000)));

  const tail = data.slice();
  tail[3_499]! ^= 1;
  const late = feedOf(open(tail), 1_000, { known: before });
  await late.readUpTo(3);
  const error = await assertRejects(() => late.read(3), ResumeError);
  assertEquals([error.expected, error.actual], [before.payloadDigest, await digestOf(tail)]);
});
