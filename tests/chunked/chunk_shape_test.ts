import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  chunkSizeFrom,
  largestChunkSize,
  lengthAt,
} from "../../src/chunked/_format/chunk_shape.ts";

const sizes = fc.oneof(
  fc.tuple(fc.integer({ min: 0, max: 2_000 }), fc.integer({ min: 1, max: 100 })),
  fc.tuple(fc.integer({ min: 1, max: 100_000_000 }), fc.integer({ min: 100_000, max: 8_000_000 })),
  fc.tuple(
    fc.integer({ min: 1, max: 20 }),
    fc.integer({ min: 1, max: 50 }),
    fc.constantFrom(-1, 0, 1),
  )
    .map(([chunks, size, more]) => [Math.max(0, chunks * size + more), size] as [number, number]),
);

test("chunkSizeFrom() tells the same chunk size from every chunk of an upload", () => {
  fc.assert(fc.property(sizes, ([totalSize, size]) => {
    const chunkCount = Math.max(1, Math.ceil(totalSize / size));
    let sum = 0;
    for (let index = 0; index < chunkCount; index++) {
      const length = Math.min(size, totalSize - index * size);
      const shape = { index, chunkCount, totalSize };
      const told = chunkSizeFrom(shape, length);
      const chunkSize = chunkCount === 1 ? totalSize : size;
      assertEquals(told, { chunkSize });
      assertEquals(lengthAt(shape, chunkSize), length);
      assert(chunkSize <= largestChunkSize(shape));
      sum += length;
    }
    assertEquals(sum, totalSize);
  }));
});

test("chunkSizeFrom() tells the only chunk size that the length allows, or refuses", () => {
  const shape = fc.tuple(fc.nat(60), fc.integer({ min: 1, max: 8 }), fc.nat(7), fc.nat(60));
  fc.assert(
    fc.property(shape, ([totalSize, count, at, length]) => {
      const chunkCount = Math.min(count, Math.max(1, totalSize));
      const index = at % chunkCount;
      const possible: number[] = [];
      for (let size = chunkCount === 1 ? totalSize : 1; size <= totalSize; size++) {
        const isCut = chunkCount === 1 || Math.ceil(totalSize / size) === chunkCount;
        const wanted = lengthAt({ index, chunkCount, totalSize }, size);
        if (isCut && wanted === length) possible.push(size);
      }
      const told = chunkSizeFrom({ index, chunkCount, totalSize }, length);
      assertEquals("problem" in told ? [] : [told.chunkSize], possible);
    }),
    { numRuns: 2_000 },
  );
});

test("chunkSizeFrom() refuses chunks above 8,000,000 bytes", () => {
  const shape = { index: 0, chunkCount: 2, totalSize: 16_000_002 };
  assertEquals(chunkSizeFrom(shape, 8_000_001), {
    problem: "the chunk size is 8000001 bytes, at most 8000000 are allowed",
  });
  const fits = { index: 0, chunkCount: 2, totalSize: 16_000_000 };
  assertEquals(chunkSizeFrom(fits, 8_000_000), { chunkSize: 8_000_000 });
});

test("chunkSizeFrom() says which chunk is wrong, and how", () => {
  assertEquals(chunkSizeFrom({ index: 1, chunkCount: 3, totalSize: 10 }, 5), {
    problem: "chunk 1 of 3 has 5 bytes, which cannot be of 10 in all",
  });
});

test("largestChunkSize() is the largest that the metadata allow", () => {
  assertEquals(largestChunkSize({ chunkCount: 1, totalSize: 0 }), 0);
  assertEquals(largestChunkSize({ chunkCount: 1, totalSize: 7 }), 7);
  assertEquals(largestChunkSize({ chunkCount: 3, totalSize: 10 }), 4);
  assertEquals(largestChunkSize({ chunkCount: 2, totalSize: 10 }), 9);
  assertEquals(largestChunkSize({ chunkCount: 1, totalSize: 9_000_000 }), 8_000_000);
});
