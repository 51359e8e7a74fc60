import {
  appendFileSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { Buffer } from "node:buffer";
import { execFileSync } from "node:child_process";
import { relative } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { fileSource } from "../../src/adapters/files/file_source.ts";
import type { SeekableSource } from "../../src/_source.ts";
import { FileChangedError, WrongFileTypeError } from "../../src/errors.ts";
import { until } from "../_until.ts";
import { countOpen, makeFolder } from "./_uploads.ts";

const MiB = 1024 * 1024;

/** Bytes of which no two places look alike. */
function someBytes(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let index = 0; index < size; index++) bytes[index] = index * 31 + (index >> 8) * 17;
  return bytes;
}

async function readAll(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  return new Uint8Array(
    await new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>).arrayBuffer(),
  );
}

/** Writes a file of this size, and makes it a source. */
function someSource(path: string, size: number): SeekableSource {
  writeFileSync(path, someBytes(size));
  return fileSource(path);
}

test("fileSource() knows size and name of a file by path, relative path and URL", () => {
  using folder = makeFolder();
  const path = folder.at("a b ü.txt");
  writeFileSync(path, "hello");
  for (const given of [path, relative(process.cwd(), path), pathToFileURL(path)]) {
    const { size, name } = fileSource(given);
    assertEquals([size, name], [5, "a b ü.txt"]);
  }
  assertEquals(fileSource(path, { name: "other" }).name, "other");
});

test("fileSource() finds its file when the working directory is another one by then", async () => {
  using folder = makeFolder();
  const before = process.cwd();
  process.chdir(folder.path);
  let source: SeekableSource;
  try {
    source = someSource("here", 10);
  } finally {
    process.chdir(before);
  }
  assertEquals(await readAll(source.read(0, 10)), someBytes(10));
});

test("fileSource() reads files of every size around its pieces", async () => {
  using folder = makeFolder();
  for (const size of [0, 1, MiB - 1, MiB, MiB + 1, 3 * MiB + 5]) {
    const source = someSource(folder.at("file"), size);
    assertEquals(source.size, size);
    const found = await readAll(source.read(0, size));
    assertEquals(found.length, size);
    assert(Buffer.compare(found, someBytes(size)) === 0, `the bytes of ${size} differ`);
  }
});

test("fileSource() reads ranges, many at a time and as often as it is asked", async () => {
  using folder = makeFolder();
  const size = 2 * MiB + 100;
  const all = someBytes(size);
  const source = someSource(folder.at("file"), size);
  const ranges = [[0, 0], [size, size], [0, 1], [5, 10], [MiB - 3, MiB + 3], [100, size], [
    size - 1,
    size,
  ]] as const;
  for (let round = 0; round < 2; round++) {
    const found = await Promise.all(ranges.map(([start, end]) => readAll(source.read(start, end))));
    for (const [index, [start, end]] of ranges.entries()) {
      assert(Buffer.compare(found[index]!, all.subarray(start, end)) === 0, `${start} to ${end}`);
    }
  }
});

test("fileSource() gives pieces that are the reader's own", async () => {
  using folder = makeFolder();
  const source = someSource(folder.at("file"), 3 * MiB);
  let position = 0;
  const all = someBytes(3 * MiB);
  for await (const piece of source.read(0, 3 * MiB)) {
    assertEquals(Buffer.compare(piece, all.subarray(position, position + piece.length)), 0);
    position += piece.length;
    piece.fill(0);
  }
  assertEquals(position, 3 * MiB);
});

test("fileSource() refuses ranges that are not in the file", () => {
  using folder = makeFolder();
  const source = someSource(folder.at("file"), 10);
  for (const [start, end] of [[-1, 5], [0, 11], [5, 4], [0.5, 5], [0, NaN], [11, 11]] as const) {
    assertThrows(() => source.read(start, end), RangeError, "wanted is a whole number from");
  }
  assertThrows(
    () => source.read(3, 12),
    RangeError,
    "end is 12, wanted is a whole number from 3 to 10",
  );
});

test("fileSource() refuses by name what is no regular file", () => {
  using folder = makeFolder();
  mkdirSync(folder.at("sub"));
  const error = assertThrows(() => fileSource(folder.at("sub")), WrongFileTypeError);
  assertEquals(error.path, folder.at("sub"));
  assertEquals(
    error.message,
    `${JSON.stringify(folder.at("sub"))} is a folder, wanted is a regular file`,
  );
  if (process.platform !== "win32") {
    const device = assertThrows(() => fileSource("/dev/null"), WrongFileTypeError);
    assertEquals(device.message, '"/dev/null" is a device or a pipe, wanted is a regular file');
  }
  const missing = assertThrows(() => fileSource(folder.at("none"))) as Error & { code?: string };
  assertEquals(missing.code, "ENOENT");
});

test("fileSource() follows a symbolic link, and keeps its name", async () => {
  using folder = makeFolder();
  writeFileSync(folder.at("target"), "hello");
  symlinkSync("target", folder.at("link"));
  const source = fileSource(folder.at("link"));
  assertEquals([source.size, source.name], [5, "link"]);
  assertEquals(new TextDecoder().decode(await readAll(source.read(0, 5))), "hello");
});

test("fileSource() refuses bad arguments", () => {
  const bad = (path: unknown, options?: object) => () => fileSource(path as string, options);
  assertThrows(bad(5), TypeError, "path is a number, wanted is a string or a URL");
  assertThrows(bad(""), TypeError, "path is empty");
  assertThrows(
    bad(new URL("https://example.com/a")),
    TypeError,
    "the scheme https:, wanted is file:",
  );
  assertThrows(bad("a", { nmae: "b" }), TypeError, 'unknown field "nmae"');
  assertThrows(bad("a", { name: 5 }), TypeError, "name is a number, wanted is a string");
});

/** What happens to a file, and what is said of it. */
const CHANGES: [what: string, change: (path: string) => void, message: string][] = [
  ["grown", (path) => appendFileSync(path, "x"), "it has 3145729 bytes, and had 3145728"],
  ["shrunk", (path) => truncateSync(path, 5), "it has 5 bytes, and had 3145728"],
  ["touched", (path) => utimesSync(path, 1, 1), "it was written to at 1970-01-01T00:00:01.000Z"],
  ["gone", (path) => rmSync(path), "it is gone"],
  ["replaced", (path) => {
    const { mtime } = statSync(path);
    writeFileSync(`${path}2`, someBytes(3 * MiB));
    utimesSync(`${path}2`, mtime, mtime);
    renameSync(`${path}2`, path);
  }, "another file has taken its place"],
];

for (const [what, change, message] of CHANGES) {
  test(`fileSource() does not read a file that has ${what} since`, async () => {
    using folder = makeFolder();
    const path = folder.at("file");
    const source = someSource(path, 3 * MiB);
    change(path);
    const error = await assertRejects(() => readAll(source.read(0, 10)), FileChangedError);
    assertEquals(
      error.message,
      `the file ${JSON.stringify(path)} has changed since it became a source: ${message}`,
    );
    assertEquals(error.path, path);
    // Nothing is opened, and nothing can have changed, where nothing is read.
    assertEquals((await readAll(source.read(4, 4))).length, 0);
  });
}

test("fileSource() does not wait for a pipe that has taken the place of its file", async () => {
  if (process.platform === "win32") return; // it has none in folders
  using folder = makeFolder();
  const path = folder.at("file");
  const source = someSource(path, 10);
  rmSync(path);
  execFileSync("mkfifo", [path]);
  await assertRejects(() => readAll(source.read(0, 10)), FileChangedError);
});

test("fileSource() does not end a read of a file that changes meanwhile", async () => {
  using folder = makeFolder();
  const path = folder.at("file");
  for (const change of [CHANGES[0]![1], CHANGES[1]![1], CHANGES[2]![1]]) {
    const reader = someSource(path, 3 * MiB).read(0, 3 * MiB).getReader();
    assertEquals((await reader.read()).value?.length, MiB);
    change(path);
    let bytes = MiB;
    await assertRejects(async () => {
      for (let next = await reader.read(); !next.done; next = await reader.read()) {
        bytes += next.value.length;
      }
    }, FileChangedError);
    assert(bytes < 3 * MiB, `all ${bytes} bytes were handed over`);
  }
});

test("fileSource() finishes the read of a file that is replaced meanwhile, as it has the old one open", async () => {
  using folder = makeFolder();
  const path = folder.at("file");
  const source = someSource(path, 3 * MiB);
  const reader = source.read(0, 3 * MiB).getReader();
  await reader.read();
  CHANGES[4]![1](path);
  let bytes = MiB;
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    bytes += next.value.length;
  }
  assertEquals(bytes, 3 * MiB);
});

test("fileSource() has its file open while it is read and at no other time", async () => {
  using folder = makeFolder();
  const path = folder.at("file");
  const size = 3 * MiB;
  const source = someSource(path, size);
  assertEquals(countOpen(path), 0, "the source alone");

  const unread = source.read(0, size);
  assertEquals(countOpen(path), 0, "a stream that nobody has read");
  await unread.cancel();
  assertEquals(countOpen(path), 0, "cancelled before it was read");

  await readAll(source.read(0, size));
  assertEquals(countOpen(path), 0, "at the end");

  const exact = source.read(0, size).getReader();
  for (let bytes = 0; bytes < size;) bytes += (await exact.read()).value!.length;
  assertEquals(countOpen(path), 0, "every byte read, the end not asked for");

  const cancelled = source.read(0, size).getReader();
  await cancelled.read();
  assert(countOpen(path) > 0, "in between"); // Deno opens it once more for what it reads now
  await cancelled.cancel("enough");
  assertEquals(countOpen(path), 0, "cancelled");

  const early = source.read(0, size).getReader();
  const first = early.read();
  await early.cancel("at once");
  await first;
  await until(() => countOpen(path) === 0);

  const broken = source.read(0, size).getReader();
  await broken.read();
  appendFileSync(path, "x");
  await assertRejects(async () => {
    while (!(await broken.read()).done);
  }, FileChangedError);
  assertEquals(countOpen(path), 0, "after an error in between");
  await assertRejects(() => readAll(source.read(0, size)), FileChangedError);
  assertEquals(countOpen(path), 0, "after an error at the start");
});

test("fileSource() reads no more than one piece ahead", async () => {
  using folder = makeFolder();
  const path = folder.at("file");
  const reader = someSource(path, 6 * MiB).read(0, 6 * MiB).getReader();
  const other = someSource(folder.at("other"), 6 * MiB);
  await reader.read();
  // By then it would have read everything, too. What is read already cannot be lost any more; the rest can.
  await readAll(other.read(0, 6 * MiB));
  truncateSync(path, 2 * MiB);
  assertEquals((await reader.read()).value?.length, MiB);
  await assertRejects(() => reader.read(), FileChangedError, "it ends at 2097152 bytes");
});

test("fileSource() reads a big file in constant memory", { timeout: 30_000 }, async () => {
  using folder = makeFolder();
  const path = folder.at("file");
  writeFileSync(path, "");
  truncateSync(path, 300 * MiB);
  const source = fileSource(path);
  const before = process.memoryUsage();
  let most = 0;
  let bytes = 0;
  for await (const piece of source.read(0, source.size)) {
    bytes += piece.length;
    most = Math.max(most, process.memoryUsage().rss - before.rss);
  }
  assertEquals(bytes, 300 * MiB);
  assert(most < 150 * MiB, `${Math.round(most / MiB)} MiB more than before`);
});
