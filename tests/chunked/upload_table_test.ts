import { test } from "node:test";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { formatDigest } from "../../src/_digest.ts";
import type { ChunkInfo } from "../../src/chunked/_format/headers.ts";
import type { UploadTable, Verdict } from "../../src/chunked/_assemble/upload_table.ts";
import { bytes, idOf, infoOf, noHeaders, startTable } from "./_chunks.ts";

/** Of the ten bytes that {@linkcode offer} offers. */
const DIGEST = "SHA-256=JTAj7rvycDhKDnnuIQzvilrX5QJ0lZkpXULHT8DK4Ec=";
const DIGEST_OF_OTHERS = `SHA-256=${"A".repeat(43)}=`;

/** Offers a chunk of four bytes (the last one of two) of the upload of `infoOf`. */
function offer(
  table: UploadTable<string>,
  info: ChunkInfo,
  { data = bytes(info.index === 2 ? 2 : 4, info.index + 1), held, now = 0 }: {
    data?: Uint8Array;
    held?: string;
    now?: number;
  } = {},
): Verdict<string> {
  return table.offer(info, data, noHeaders(), held, now);
}

/** An upload of one chunk of `size` bytes in two, of which the first has come. */
function begin(table: UploadTable<string>, n: number, size: number, now: number): string {
  const info = infoOf(0, { uploadId: idOf(n), chunkCount: 2, totalSize: size });
  return table.offer(info, bytes(size / 2), noHeaders(), undefined, now).type;
}

test("UploadTable.offer() puts chunks together in any order, held or not", () => {
  for (const order of [[0, 1, 2], [2, 0, 1], [1, 2, 0]]) {
    for (const isHeld of [false, true]) {
      const table = startTable();
      const verdicts = order.map((index) =>
        offer(
          table,
          infoOf(index, { digest: index === 2 ? DIGEST : undefined }),
          isHeld ? { held: `m${index}` } : {},
        )
      );
      assertEquals(verdicts.map(({ type }) => type), ["accepted", "accepted", "whole"]);
      const whole = verdicts[2]!;
      assert(whole.type === "whole");
      assertEquals([...whole.data], [1, 1, 1, 1, 2, 2, 2, 2, 3, 3]);
      assertEquals(whole.digest, DIGEST);
      assertEquals(whole.upload.held, isHeld ? order.map((index) => `m${index}`) : []);
    }
  }
});

test("UploadTable.offer() hashes along only where a digest is announced, and checks it in any case", () => {
  for (const digestFollows of [true, false]) {
    for (const digest of [DIGEST, undefined]) {
      const table = startTable();
      offer(table, infoOf(0, { digestFollows }));
      offer(table, infoOf(1));
      const verdict = offer(table, infoOf(2, { digest }));
      assert(verdict.type === "whole");
      assertEquals(verdict.digest, digestFollows || digest ? DIGEST : undefined);
      assertEquals(formatDigest(table.sumOf(verdict.data)), DIGEST);

      const other = startTable();
      offer(other, infoOf(0, { digestFollows }), { data: bytes(4, 9) });
      offer(other, infoOf(1));
      assertEquals(offer(other, infoOf(2, { digest: DIGEST })).type, "corrupt");
    }
  }
});

test("UploadTable.offer() ignores a repeated chunk, also of a whole upload", () => {
  const table = startTable();
  offer(table, infoOf(0), { held: "first" });
  const repeat = offer(table, infoOf(0), { held: "again", data: bytes(4, 9) });
  assert(repeat.type === "duplicate");
  assertEquals(repeat.upload.held, ["first"]);
  offer(table, infoOf(1));
  const whole = offer(table, infoOf(2));
  assert(whole.type === "whole");
  assertEquals(whole.data[0], 1);
  assertEquals(offer(table, infoOf(1)).type, "duplicate");
});

test("UploadTable.offer() refuses by name, and leaves everything else as it was", () => {
  const cases: [Partial<ChunkInfo> & { index: number }, Uint8Array, string, string, boolean][] = [
    [{ index: 1, chunkCount: 4 }, bytes(4), "conflict", "chunkCount is 4", true],
    [{ index: 1, totalSize: 11 }, bytes(4), "conflict", "totalSize is 11", true],
    [{ index: 1, filename: "b" }, bytes(4), "conflict", 'filename is "b"', true],
    [{ index: 1, contentType: "b/b" }, bytes(4), "conflict", 'contentType is "b/b"', true],
    [{ index: 1, digest: DIGEST_OF_OTHERS }, bytes(4), "conflict", "digest is", true],
    [{ index: 1 }, bytes(3), "length", "chunk 1 has 3 bytes, wanted are 4", true],
    [{ index: 2 }, bytes(4), "length", "chunk 2 has 4 bytes, wanted are 2", true],
    [{ index: 0, uploadId: idOf(2) }, bytes(5), "length", "cannot be of 10 in all", true],
    [
      { index: 0, uploadId: idOf(2), totalSize: 61 },
      bytes(30),
      "too-large",
      "maxUploadBytes",
      true,
    ],
    [
      { index: 0, uploadId: idOf(2), chunkCount: 11, totalSize: 11 },
      bytes(1),
      "too-large",
      "maxChunks",
      true,
    ],
    [
      { index: 0, uploadId: idOf(2), totalSize: 41, chunkCount: 2 },
      bytes(21),
      "too-large",
      "maxBufferedBytes",
      true,
    ],
    [
      { index: 0, uploadId: idOf(2), totalSize: 31, chunkCount: 2 },
      bytes(16),
      "full",
      "31 bytes are wanted",
      false,
    ],
  ];
  for (const [change, data, reason, words, final] of cases) {
    const table = startTable({ maxBufferedBytes: 40 });
    const original = `SHA-256=${"B".repeat(43)}=`;
    offer(table, infoOf(0, { filename: "a", contentType: "a/a", digest: original }));
    const base = change.uploadId ? {} : { filename: "a", contentType: "a/a" };
    const refused = offer(table, infoOf(change.index, { ...base, ...change }), { data, now: 99 });
    assert(refused.type === "refused", `${reason}: ${refused.type}`);
    assertEquals([refused.refusal.reason, refused.refusal.final], [reason, final]);
    assertStringIncludes(refused.refusal.message, words);
    const [upload, ...others] = table.uploads.values();
    assertEquals(others.length, 0);
    assertEquals([upload?.heardAt, upload?.store.receivedBytes], [0, 4]);
    assertEquals([table.fits(30), table.fits(31)], [true, false]);
  }
});

test("UploadTable.offer() says corrupt and frees the room when the digest is another one", () => {
  const table = startTable();
  offer(table, infoOf(0));
  offer(table, infoOf(1));
  const corrupt = offer(table, infoOf(2, { digest: DIGEST_OF_OTHERS }), { held: "last" });
  assert(corrupt.type === "corrupt");
  assertEquals(corrupt.refusal.reason, "digest");
  assertEquals(corrupt.upload.held, ["last"]);
  assertEquals([table.uploads.size, table.fits(100)], [0, true]);
});

test("UploadTable.offer() reserves declared sizes, so that what is admitted can finish", () => {
  const table = startTable();
  assertEquals([begin(table, 1, 60, 0), begin(table, 2, 40, 0)], ["accepted", "accepted"]);
  assertEquals(begin(table, 3, 2, 0), "refused");
  const empty = infoOf(0, { uploadId: idOf(4), chunkCount: 1, totalSize: 0 });
  assertEquals(offer(table, empty, { data: bytes(0) }).type, "whole");
  const another = { ...empty, uploadId: idOf(5) };
  assertEquals(offer(table, another, { data: bytes(0) }).type, "refused");
  for (const upload of [...table.uploads.values()]) {
    table.remove(upload);
    table.remove(upload); // twice frees once
  }
  assertEquals([table.fits(100), table.fits(101)], [true, false]);
});

test("UploadTable.makeRoom() evicts whoever is idle for longest first, and no more than needed", () => {
  const table = startTable();
  begin(table, 1, 30, 300);
  begin(table, 2, 30, 100);
  begin(table, 3, 30, 200);
  const evicted = table.makeRoom(20, 6_000);
  assertEquals(evicted.map(({ info }) => info.uploadId), [idOf(2)]);
  const both = table.makeRoom(60, 6_000);
  assertEquals(both.map(({ info }) => info.uploadId), [idOf(3)]);
  assertEquals([...table.uploads.keys()], [idOf(1)]);
});

test("UploadTable.makeRoom() evicts nobody when that would not be enough, or nothing is needed", () => {
  const table = startTable();
  begin(table, 1, 30, 0);
  begin(table, 2, 60, 4_000);
  assertEquals(table.makeRoom(10, 6_000), []);
  assertEquals(table.makeRoom(50, 6_000), []);
  assertEquals(table.uploads.size, 2);
});

test("UploadTable.makeRoom() spares the whole, those that were heard, and those that could not send", () => {
  const table = startTable();
  const whole = infoOf(0, { uploadId: idOf(1), chunkCount: 1, totalSize: 30 });
  offer(table, whole, { data: bytes(30) });
  begin(table, 2, 30, 1_001);
  begin(table, 3, 30, 0);
  const waits = (now: number) => ({ info, heardAt }: { info: ChunkInfo; heardAt: number }) =>
    info.uploadId === idOf(3) ? now : heardAt;
  assertEquals(table.makeRoom(30, 6_000, waits(6_000)), []);
  assertEquals(table.makeRoom(30, 6_001, waits(6_001)).map(({ info }) => info.uploadId), [idOf(2)]);
});

test("UploadTable.takeIdle() removes what got nothing for idleTimeout, but never the whole", () => {
  const table = startTable();
  begin(table, 1, 30, 0);
  begin(table, 2, 30, 1);
  offer(table, infoOf(0, { uploadId: idOf(3), chunkCount: 1, totalSize: 5 }), { data: bytes(5) });
  assertEquals(table.takeIdle(59_999), []);
  assertEquals(table.takeIdle(60_000).map(({ info }) => info.uploadId), [idOf(1)]);
  assertEquals([...table.uploads.keys()], [idOf(2), idOf(3)]);
});

test("UploadTable.makeRoom() evicts one of a single chunk after a second for a newcomer that has more", () => {
  const table = startTable({ maxUploads: 2 });
  const two = infoOf(0, { uploadId: idOf(2) });
  offer(table, two);
  offer(table, { ...two, index: 1 });
  begin(table, 1, 30, 100);
  const heardAt = ({ heardAt }: { heardAt: number }): number => heardAt;
  assertEquals(table.makeRoom(10, 1_099, heardAt, 16), []);
  assertEquals(table.makeRoom(10, 1_100, heardAt, 15), []);
  const evicted = table.makeRoom(10, 1_100, heardAt, 16);
  assertEquals(evicted.map(({ info }) => info.uploadId), [idOf(1)]);
  begin(table, 3, 30, 5_900);
  assertEquals(table.makeRoom(10, 6_000, heardAt).map(({ info }) => info.uploadId), [idOf(2)]);
});
