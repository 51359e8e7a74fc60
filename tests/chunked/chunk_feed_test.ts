import { test } from "node:test";
import { assertEquals, assertRejects } from "@std/assert";
import { SourceFeed } from "../../src/chunked/_chunk_feed.ts";
import { loadSha256 } from "../../src/_digest.ts";
import { type RangeSource, toRangeSource } from "../../src/_source.ts";
import { digestOf, payloadOf } from "./_support.ts";

const ID = "0f8fad5b-d9cb-469f-a165-70867728950e";
const startHash = await loadSha256();

function feedOf(source: RangeSource, chunkSize: number, digest = true): SourceFeed {
  const metadata = {
    uploadId: ID,
    chunkCount: Math.max(1, Math.ceil(source.size / chunkSize)),
    totalSize: source.size,
    filename: "ä.bin",
    contentType: undefined,
  };
  const own = [["X-Own", ["1"]]] as const;
  return new SourceFeed(source, metadata, chunkSize, own, digest ? startHash() : undefined);
}

test("SourceFeed cuts any size into chunks that make the whole again, digest on the last", async () => {
  for (const size of [0, 1, 999, 1_000, 1_001, 1_999, 2_000, 2_001]) {
    const data = payloadOf(size);
    for (const source of [data, new Blob([data.slice()])]) {
      const feed = feedOf(toRangeSource("source", source), 1_000);
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
  const feed = feedOf(toRangeSource("source", data), 1_000);
  for (const index of [0, 0, 1, 0, 1, 2, 1, 3, 0]) await feed.read(index);
  assertEquals(feed.digest, await digestOf(data));
  const again = await feed.read(3);
  assertEquals(again.data, data.subarray(3_000));
  assertEquals(again.headers.get("X-Payload-Digest"), await digestOf(data));
});

test("SourceFeed gives fresh headers each time, and describes chunk 0 without reading", () => {
  const feed = feedOf(
    { ...toRangeSource("source", payloadOf(5)), read: () => Promise.reject() },
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
  const feed = feedOf(toRangeSource("source", payloadOf(5)), 10, false);
  const { headers } = await feed.read(0);
  assertEquals([headers.has("X-Payload-Digest"), feed.digest], [false, undefined]);
});

test("SourceFeed fails when the source gives less than its size says", async () => {
  const feed = feedOf(
    { ...toRangeSource("source", payloadOf(15)), read: () => new Uint8Array(3) },
    10,
  );
  const error = await assertRejects(() => feed.read(1), Error);
  assertEquals(error.message, "the source gave 3 bytes at 10, its size of 15 says 5");
});
