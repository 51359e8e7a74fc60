import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { assertEquals, assertThrows } from "@std/assert";
import { bar } from "../../tools/demo/bar.ts";
import {
  findDemoFile,
  firstLargeFile,
  largestDemoFile,
  sha256OfFile,
} from "../../tools/demo/demo_file.ts";
import { formatBytes, formatDemo } from "../../tools/demo/report.ts";

let folder: string;
let file: string;
let empty: string;

before(() => {
  folder = mkdtempSync(join(tmpdir(), "natskit-demo-"));
  file = join(folder, "a file.bin");
  empty = join(folder, "empty");
  writeFileSync(file, "abc");
  writeFileSync(empty, "");
});

after(() => rmSync(folder, { recursive: true, force: true }));

test("findDemoFile() tells name and size of a file", () => {
  assertEquals(findDemoFile(file), { path: file, name: "a file.bin", size: 3 });
});

test("findDemoFile() says what is wrong with what cannot be sent", () => {
  const cases: [string, number, string][] = [
    [join(folder, "none"), 10, "there is no file "],
    [folder, 10, "is no file: name one"],
    [empty, 10, "is empty: there would be nothing to compare"],
    [file, 2, "has 3 bytes, wanted are at most 2 on this machine"],
  ];
  for (const [path, limit, words] of cases) {
    const { message } = assertThrows(() => findDemoFile(path, limit), Error);
    assertEquals([message.includes(words), message.includes(JSON.stringify(path))], [true, true]);
  }
});

test("largestDemoFile() is a quarter of the memory, and no more than one read returns", () => {
  assertEquals(largestDemoFile(4_000_000_000), 1_000_000_000);
  assertEquals(largestDemoFile(64_000_000_000), 2_000_000_000);
});

test("firstLargeFile() passes over files that are small or not there", () => {
  const paths = [join(folder, "none"), empty, file];
  assertEquals(firstLargeFile(paths, 3), file);
  assertEquals(firstLargeFile([file, empty], 1_000), empty);
});

test("sha256OfFile() hashes the bytes of the file", async () => {
  // FIPS 180-2, appendix B.1
  assertEquals(
    await sha256OfFile(file),
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  );
});

test("bar() is empty at the start, full at the end and never longer", () => {
  assertEquals(bar(0, 10, 4), "[    ]   0 %");
  assertEquals(bar(5, 10, 4), "[##  ]  50 %");
  assertEquals(bar(99, 100, 4), "[### ]  99 %");
  assertEquals(bar(20, 10, 4), "[####] 100 %");
  assertEquals(bar(0, 0, 4), "[####] 100 %");
});

test("formatDemo() shows what did not match", () => {
  const step = { chunks: 2, ms: 10 };
  const lines = formatDemo([
    { what: "core NATS", bytes: 2_000_000, ...step, matches: true },
    { what: "key-value", bytes: 80, ...step, matches: false },
  ]).split("\n").map((line) => line.replaceAll(/ {2,}/g, " | "));
  assertEquals(lines[0], "what | bytes | chunks | MB/s | digest matches");
  assertEquals(lines.slice(2), [
    "core NATS | 2000000 | 2 | 200 | yes",
    "key-value | 80 | 2 | - | NO",
  ]);
});

test("formatBytes() picks a unit that reads well", () => {
  assertEquals([999, 1_500, 24_373_955].map(formatBytes), ["999 bytes", "1.5 kB", "24.4 MB"]);
});
