import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { everyHundredth, note, readJournal } from "../../soak/journal.ts";

test("readJournal() reads what processes noted, and leaves a line that is not whole", () => {
  const folder = mkdtempSync(join(tmpdir(), "natskit-journal-"));
  try {
    const path = join(folder, "journal");
    assertEquals(readJournal(path), []);
    note(path, { event: "begin", uploadId: "a" });
    note(path, { event: "confirmed", uploadId: "a", bytes: 5, token: { stream: "S" } });
    appendFileSync(path, '{"pid":1,"event":"en');
    const { pid } = process;
    assertEquals(readJournal(path), [
      { pid, event: "begin", uploadId: "a" },
      { pid, event: "confirmed", uploadId: "a", bytes: 5, token: { stream: "S" } },
    ]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("everyHundredth() writes each hundredth once, and the end", () => {
  const written: number[] = [];
  const report = everyHundredth<undefined>(1_000, (bytes) => void written.push(bytes));
  for (let bytes = 0; bytes <= 1_000; bytes += 4) report(bytes, undefined);
  assertEquals([written.length, written[0], written[1], written.at(-1)], [101, 0, 12, 1_000]);
  const empty: number[] = [];
  everyHundredth<undefined>(0, (bytes) => void empty.push(bytes))(0, undefined);
  assertEquals(empty, [0]);
});
