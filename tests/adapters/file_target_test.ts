import { createHash } from "node:crypto";
import { renameSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { test } from "node:test";
import { assertEquals, assertRejects } from "@std/assert";
import { type ExistsMode, type FinishedFile, placeFile } from "../../src/adapters/files/_target.ts";
import { FileExistsError } from "../../src/errors.ts";
import { type Folder, makeFolder } from "./_uploads.ts";

const { signal } = new AbortController();

/** What file systems without hard links answer. */
function noLinks(): Promise<void> {
  return Promise.reject(
    Object.assign(new Error("EPERM: operation not permitted"), { code: "EPERM" }),
  );
}

/** A file with this text that has no name yet, as its only one. */
function finished(folder: Folder, text: string): FinishedFile {
  const path = folder.at(`.${crypto.randomUUID()}`);
  writeFileSync(path, text);
  const sum = createHash("sha256").update(text).digest("base64url");
  return { size: text.length, digest: `SHA-256=${sum}=`, claim: () => Promise.resolve(path) };
}

/** The names that are not hidden. */
function shown(folder: Folder): string[] {
  return folder.names().filter((name) => !name.startsWith("."));
}

async function place(folder: Folder, text: string, exists: ExistsMode): Promise<string> {
  const target = { folder: folder.path, name: "a.txt", exists };
  return basename(await placeFile(finished(folder, text), target, signal, noLinks));
}

test("placeFile() gives every file a name of its own where there are no hard links", async () => {
  using folder = makeFolder();
  const texts = Array.from({ length: 20 }, (_, index) => `text ${index}`);
  const names = await Promise.all(texts.map((text) => place(folder, text, "rename")));
  assertEquals(new Set(names).size, 20);
  assertEquals(names.map((name) => folder.text(name)), texts);
  assertEquals(folder.names(), names.toSorted());
});

test("placeFile() overwrites nothing where there are no hard links", async () => {
  using folder = makeFolder();
  const results = await Promise.allSettled(
    Array.from({ length: 10 }, (_, index) => place(folder, `text ${index}`, "error")),
  );
  const winners = results.flatMap(({ status }, index) => status === "fulfilled" ? [index] : []);
  assertEquals(winners.length, 1);
  assertEquals(shown(folder), ["a.txt"]);
  assertEquals(folder.text("a.txt"), `text ${winners[0]}`);
  await assertRejects(() => place(folder, "other!", "error"), FileExistsError);
});

test("placeFile() takes the name that it keeps for a file for no upload, not even an empty one", async () => {
  using folder = makeFolder();
  const names = await Promise.all(["", "text", ""].map((text) => place(folder, text, "rename")));
  assertEquals(names.map((name) => folder.text(name)), ["", "text", ""]);
});

test("placeFile() takes no empty file for an empty upload where that may be a kept name", async () => {
  using folder = makeFolder();
  writeFileSync(folder.at("a.txt"), "");
  assertEquals(await place(folder, "", "rename"), "a (1).txt");
  await assertRejects(() => place(folder, "", "error"), FileExistsError, "another content");
  const target = { folder: folder.path, name: "a.txt", exists: "rename" } as const;
  assertEquals(basename(await placeFile(finished(folder, ""), target, signal)), "a.txt");
  assertEquals(shown(folder), ["a (1).txt", "a.txt"]);
});

test("placeFile() frees the name again when the file cannot have it", async () => {
  using folder = makeFolder();
  const file = finished(folder, "text");
  const lost = { ...file, claim: () => Promise.resolve(folder.at("lost")) };
  const target = { folder: folder.path, name: "a.txt", exists: "rename" } as const;
  const error = await assertRejects(() => placeFile(lost, target, signal, noLinks));
  assertEquals((error as { code?: string }).code, "ENOENT");
  assertEquals(shown(folder), []);
});

test("placeFile() looks again when a name is taken at the last moment", async () => {
  using folder = makeFolder();
  const same = finished(folder, "text");
  const target = { folder: folder.path, name: "a.txt", exists: "rename" } as const;
  let links = 0;
  const path = await placeFile(finished(folder, "text"), target, signal, async (_from, to) => {
    links++;
    renameSync(await same.claim(), to);
    throw Object.assign(new Error("EEXIST"), { code: "EEXIST" });
  });
  assertEquals([links, basename(path)], [1, "a.txt"]);
  assertEquals(shown(folder), ["a.txt"]);
});

test("placeFile() does not look for ever at a name that is neither free nor there", async () => {
  using folder = makeFolder();
  const target = { folder: folder.path, name: "a.txt", exists: "error" } as const;
  const taken = () => Promise.reject(Object.assign(new Error("EEXIST"), { code: "EEXIST" }));
  await assertRejects(
    () => placeFile(finished(folder, "text"), target, signal, taken),
    FileExistsError,
    "there is something that cannot be looked at",
  );
});

test("placeFile() stops with the reason of its signal", async () => {
  using folder = makeFolder();
  writeFileSync(folder.at("a.txt"), "other");
  const reason = new Error("given up");
  const target = { folder: folder.path, name: "a.txt", exists: "replace" } as const;
  for (const text of ["other", "text"]) {
    const error = await assertRejects(() =>
      placeFile(finished(folder, text), target, AbortSignal.abort(reason))
    );
    assertEquals(error, reason);
  }
  assertEquals(folder.text("a.txt"), "other");
});
