import { test } from "node:test";
import {
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { describeSource } from "../src/_payload_source.ts";
import type { ByteSource, SeekableSource } from "../src/_source.ts";
import { SourceError } from "../src/errors.ts";
import { piecesOf, seekable, watchedStream } from "./chunked/_sources.ts";
import { payloadOf } from "./chunked/_support.ts";

const DATA = payloadOf(10);
const BOUNDS = { timeout: 10_000, signal: undefined };

test("describeSource() knows size, name and type of every kind, without touching it", () => {
  const stream = watchedStream(piecesOf(DATA)).stream;
  const file = new File([DATA.slice()], "a.bin", { type: "a/b" });
  const cases: [ByteSource, number | undefined, unknown[]][] = [
    [DATA, undefined, [10, undefined, undefined]],
    [DATA, 10, [10, undefined, undefined]],
    [file, undefined, [10, "a.bin", "a/b"]],
    [seekable(DATA, "c.bin"), 10, [10, "c.bin", undefined]],
    [seekable(DATA), undefined, [10, undefined, undefined]],
    [stream, 10, [10, undefined, undefined]],
    [piecesOf(DATA), 7, [7, undefined, undefined]],
  ];
  for (const [source, given, wanted] of cases) {
    const { size, name, contentType } = describeSource("source", source, given);
    assertEquals([size, name, contentType], wanted);
  }
  assertEquals(stream.locked, false);
});

test("describeSource() refuses by name what cannot be read", () => {
  const locked = new ReadableStream<Uint8Array>();
  locked.getReader();
  const cases: [unknown, number | undefined, typeof TypeError | typeof RangeError, string][] = [
    [null, undefined, TypeError, "source is null, wanted is a Uint8Array, a Blob, a Seekable"],
    [[DATA], 10, TypeError, "source is an Array, wanted is"],
    [locked, 10, TypeError, "source is a locked stream, wanted is one that nobody reads"],
    [new ReadableStream(), undefined, TypeError, "size is undefined, and source is a Readable"],
    [piecesOf(DATA), undefined, TypeError, "size is undefined, and source is an AsyncIterable"],
    [piecesOf(DATA), 1.5, RangeError, "size is 1.5, wanted is a whole number of bytes from 0"],
    [piecesOf(DATA), "10" as unknown as number, TypeError, "size is a string, wanted is a number"],
    [DATA, 9, RangeError, "size is 9, source has 10 bytes: wanted is the same, or none"],
    [seekable(DATA), 9, RangeError, "size is 9, source has 10 bytes"],
    [new Blob([DATA.slice()]), 0, RangeError, "size is 0, source has 10 bytes"],
    [{ ...seekable(DATA), size: NaN }, undefined, RangeError, "source.size is NaN, wanted is"],
    [{ ...seekable(DATA), size: "1" }, undefined, TypeError, "source.size is a string, wanted"],
    [{ ...seekable(DATA), name: 5 }, undefined, TypeError, "source.name is a number, wanted"],
  ];
  for (const [source, size, kind, message] of cases) {
    const error = assertThrows(() => describeSource("source", source as ByteSource, size), kind);
    assertEquals(error.message.slice(0, message.length), message);
  }
});

test("a seekable source is read through one stream, and again through others", async () => {
  const data = payloadOf(500_000);
  const source = seekable(data);
  const open = describeSource("source", source).open(BOUNDS);
  assertEquals([open.isSeekable, open.isLocal], [true, false]);
  assertEquals(await open.read(0, 120_000), data.subarray(0, 120_000));
  assertEquals(await open.read(120_000, 130_000), data.subarray(120_000, 130_000));
  assertEquals(await open.read(5, 60_005), data.subarray(5, 60_005));
  assertEquals(await open.read(130_000, 500_000), data.subarray(130_000));
  await open.expectEnd();
  assertEquals(source.reads, [[0, 500_000], [5, 60_005]]);
  await open.close(undefined);
  assertEquals(source.cancelled, []);
});

test("a seekable source that is given up is cancelled", async () => {
  const source = seekable(payloadOf(500_000));
  const open = describeSource("source", source).open(BOUNDS);
  await open.read(0, 120_000);
  await open.close("enough");
  assertEquals(source.cancelled, ["enough"]);
  await describeSource("source", source).open(BOUNDS).close("never begun");
  assertEquals(source.reads.length, 1);
});

test("a seekable source that gives another range than was asked for is an error", async () => {
  const lying: SeekableSource = { size: 10, read: () => seekable(payloadOf(4)).read(0, 4) };
  const open = describeSource("source", lying).open(BOUNDS);
  const early = await assertRejects(async () => await open.read(0, 10), SourceError);
  assertEquals([early.expectedSize, early.actualSize], [10, 4]);
  const late = await assertRejects(async () => await open.read(2, 4), SourceError);
  assertEquals([late.expectedSize, late.actualSize], [2, 4]);

  const thrown = new Error("no such file");
  const broken: SeekableSource = {
    size: 10,
    read: () => {
      throw thrown;
    },
  };
  const error = await assertRejects(
    async () => await describeSource("source", broken).open(BOUNDS).read(0, 5),
    SourceError,
  );
  assertStrictEquals(error.cause, thrown);
  assertStringIncludes(error.message, "could not be read from 0");
});

test("bytes are read without waiting, and a Blob that has changed is an error", async () => {
  const bytes = describeSource("source", DATA).open(BOUNDS);
  const part = bytes.read(2, 5) as Uint8Array;
  assertStrictEquals(part.buffer, DATA.buffer);
  assertEquals([bytes.isLocal, bytes.expectEnd()], [true, undefined]);

  const blob = new Blob([DATA.slice()]);
  const short = describeSource("source", blob).open(BOUNDS);
  Object.assign(blob, { slice: () => new Blob([DATA.slice(0, 1)]) });
  const error = await assertRejects(async () => await short.read(4, 8), SourceError);
  assertEquals([error.expectedSize, error.actualSize], [10, 5]);
  const gone = new Error("the file changed");
  Object.assign(blob, { slice: () => ({ arrayBuffer: () => Promise.reject(gone) }) });
  const failed = await assertRejects(async () => await short.read(4, 8), SourceError);
  assertStrictEquals(failed.cause, gone);
});
