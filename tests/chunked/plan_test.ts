import { test } from "node:test";
import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { encodedLength } from "../../src/chunked/_format/headers.ts";
import { planChunks } from "../../src/chunked/_send/plan.ts";
import { headersOf } from "./_support.ts";

const ROOMY = [{ name: "the server's max_payload", bytes: 64 * 1024 * 1024 }];

test("planChunks() cuts into chunks of 2,000,000 bytes where everything fits", () => {
  assertEquals(planChunks(5_000_000, undefined, 500, ROOMY), {
    chunkSize: 2_000_000,
    chunkCount: 3,
  });
});

test("planChunks() counts chunks as the protocol does at the edges", () => {
  const counts = [0, 1, 999, 1_000, 1_001, 1_999, 2_000, 2_001]
    .map((size) => planChunks(size, 1_000, 0, ROOMY).chunkCount);
  assertEquals(counts, [1, 1, 1, 1, 2, 2, 2, 3]);
});

test("planChunks() takes the smallest limit, less the headers", () => {
  const limits = [...ROOMY, { name: "the stream's max_msg_size", bytes: 1_048_576 }];
  assertEquals(planChunks(10_000_000, undefined, 576, limits).chunkSize, 1_048_000);
  assertEquals(planChunks(10_000_000, 1_048_000, 576, limits).chunkSize, 1_048_000);
});

test("planChunks() names the limit that an explicit chunk size would pass", () => {
  const limits = [...ROOMY, { name: "the stream's max_msg_size", bytes: 10_000 }];
  const error = assertThrows(() => planChunks(1, 9_501, 500, limits), RangeError);
  assertEquals(
    error.message,
    "chunkSize is 9501, at most 9500 fit beside 500 bytes of headers: the stream's max_msg_size is 10000",
  );
});

test("planChunks() names the limit that leaves no room beside the headers", () => {
  const limits = [{ name: "the server's max_payload", bytes: 400 }];
  const error = assertThrows(() => planChunks(1, undefined, 400, limits), RangeError);
  assertEquals(
    error.message,
    "the headers have 400 bytes, which leaves no room for a chunk: the server's max_payload is 400",
  );
});

test("encodedLength() is the length of the headers on the wire", () => {
  const headers = headersOf({ "X-Filename": "æøå 🎈", "X-Own": ["a", "bc"] });
  // `encode` is not in the public type: it is what the client itself sends.
  const encoded = (headers as unknown as { encode(): Uint8Array }).encode();
  assertEquals(encodedLength(headers), encoded.length);
});

test("planChunks() refuses headers that no receiver would keep", () => {
  const limits = [{ name: "the server's max_payload", bytes: 8_000_000 }];
  const error = assertThrows(() => planChunks(10, undefined, 65_537, limits), RangeError);
  assertStringIncludes(error.message, "65537");
  assertStringIncludes(error.message, "at most 65536");
});
