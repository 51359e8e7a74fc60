import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { lengthAt } from "../../src/chunked/_format/chunk_shape.ts";
import { PayloadStore } from "../../src/chunked/_assemble/payload_store.ts";
import { startHash } from "./_chunks.ts";

function sha256(data: Uint8Array): Uint8Array {
  const hash = startHash();
  hash.update(data);
  return hash.digest();
}

test("PayloadStore puts the same bytes together and hashes them, whatever the order", () => {
  const upload = fc.record({
    data: fc.uint8Array({ maxLength: 200 }),
    chunkSize: fc.integer({ min: 1, max: 40 }),
    keepParts: fc.boolean(),
    order: fc.array(fc.nat(), { minLength: 200, maxLength: 200 }),
  });
  fc.assert(fc.property(upload, ({ data, chunkSize, keepParts, order }) => {
    const totalSize = data.length;
    const chunkCount = Math.max(1, Math.ceil(totalSize / chunkSize));
    const store = new PayloadStore({ chunkCount, chunkSize, totalSize, keepParts }, startHash());
    const indices = Array.from({ length: chunkCount }, (_, index) => index)
      .sort((a, b) => order[a]! - order[b]!);
    const here = new Set<number>();
    let bytes = 0;
    for (const index of indices) {
      assertEquals([store.has(index), store.isComplete], [false, false]);
      const start = index * chunkSize;
      const length = lengthAt({ index, chunkCount, totalSize }, chunkSize);
      store.add(index, data.slice(start, start + length));
      here.add(index);
      bytes += length;
      assertEquals([store.has(index), store.receivedBytes], [true, bytes]);
      checkProgress(store, here);
    }
    assert(store.isComplete);
    const whole = store.finish();
    assertEquals([...whole.data], [...data]);
    assertEquals([...whole.sum!], [...sha256(data)]);
  }));
});

/** What is here, and what is missing below the highest that is. */
function checkProgress(store: PayloadStore, here: ReadonlySet<number>): void {
  let next = 0;
  while (here.has(next)) next++;
  assertEquals(store.next, next);
  const missing = new Set<number>();
  for (const [first, last] of store.gaps(1_000)) {
    for (let index = first; index <= last; index++) missing.add(index);
  }
  const highest = Math.max(...here);
  const wanted = new Set<number>();
  for (let index = next; index < highest; index++) if (!here.has(index)) wanted.add(index);
  assertEquals(missing, wanted);
}

test("PayloadStore.gaps() lists the lowest gaps, and no more than asked for", () => {
  const shape = { chunkCount: 10, chunkSize: 1, totalSize: 10, keepParts: false };
  const store = new PayloadStore(shape, startHash());
  assertEquals(store.gaps(5), []);
  for (const index of [0, 2, 5, 7]) store.add(index, new Uint8Array(1));
  assertEquals(store.gaps(5), [[1, 1], [3, 4], [6, 6]]);
  assertEquals(store.gaps(2), [[1, 1], [3, 4]]);
});

test("PayloadStore copies what it does not keep, so that the message's memory is free", () => {
  const shape = { chunkCount: 2, chunkSize: 2, totalSize: 4, keepParts: false };
  const store = new PayloadStore(shape, startHash());
  const chunk = new Uint8Array([1, 2]);
  store.add(1, chunk);
  chunk.fill(0);
  store.add(0, new Uint8Array([3, 4]));
  assertEquals([...store.finish().data], [3, 4, 1, 2]);
});
