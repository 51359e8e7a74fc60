import { assertEquals, assertThrows } from "@std/assert";
import { test } from "node:test";
import { readTarGzFile, readZipFile } from "../../src/testing/_archive.ts";
import { makeTarGz, makeZip } from "./_archives.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (content: Uint8Array): string => new TextDecoder().decode(content);

test("readZipFile() takes out the first file that matches", () => {
  const files = {
    "a/README.md": bytes("hello"),
    "a/tool": bytes("T".repeat(5_000)),
    "b/tool": bytes("no"),
  };
  for (const method of [0, 8] as const) {
    for (const comment of ["", "PK\u0005 something about this archive"]) {
      const zip = makeZip(files, { method, comment });
      assertEquals(text(readZipFile(zip, /tool$/)), "T".repeat(5_000));
      assertEquals(text(readZipFile(zip, /README/)), "hello");
    }
  }
});

test("readZipFile() reads an archive that is a view into a larger buffer", () => {
  const zip = makeZip({ tool: bytes("inside") });
  const larger = new Uint8Array(zip.length + 20);
  larger.set(zip, 7);
  assertEquals(text(readZipFile(larger.subarray(7, 7 + zip.length), /tool/)), "inside");
});

test("readZipFile() takes out an empty file", () => {
  assertEquals(readZipFile(makeZip({ tool: bytes("") }), /tool/).length, 0);
});

test("readZipFile() refuses what is no archive, damaged or packed in an unknown way", () => {
  const zip = makeZip({ tool: bytes("content of the tool") }, { method: 0 });
  const changed = (at: number, value: number): Uint8Array => {
    const copy = zip.slice();
    copy[at] = value;
    return copy;
  };
  const directory = zip.length - 22 - (46 + 4 + 5);
  const cases: [Uint8Array, string][] = [
    [bytes("<html>not found</html> and some more"), "no zip archive"],
    [new Uint8Array(0), "no zip archive"],
    [zip.subarray(0, zip.length - 10), "no zip archive"],
    [changed(directory, 0), "directory is damaged"],
    [changed(0, 0), "tool is damaged"],
    [changed(directory + 10, 12), "by method 12"],
    [changed(directory + 24, 99), "announced were 99"],
    [changed(directory + 22, 9), "cut off"],
    [changed(directory + 27, 0x7f), "too many"],
  ];
  for (const [archive, message] of cases) {
    assertThrows(() => readZipFile(archive, /tool/), Error, message);
  }
  assertThrows(() => readZipFile(zip, /other/), Error, "holds no file");
});

test("readTarGzFile() takes out the first regular file that matches", () => {
  const tar = makeTarGz({
    "server/": bytes(""),
    "server/README.md": bytes("x".repeat(513)),
    "server/server": bytes("T".repeat(1_024)),
    "server/empty": bytes(""),
  });
  assertEquals(text(readTarGzFile(tar, /(^|\/)server$/)), "T".repeat(1_024));
  assertEquals(text(readTarGzFile(tar, /README/)), "x".repeat(513));
  assertEquals(readTarGzFile(tar, /empty/).length, 0);
});

test("readTarGzFile() refuses what is no archive and says when the file is missing", () => {
  const tar = makeTarGz({ server: bytes("T".repeat(1_024)) });
  assertThrows(() => readTarGzFile(bytes("<html>"), /server/), Error);
  assertThrows(() => readTarGzFile(tar.subarray(0, tar.length - 20), /server/), Error);
  assertThrows(() => readTarGzFile(tar, /other/), Error, "holds no file");
});
