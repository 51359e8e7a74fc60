import {
  chmodSync,
  linkSync,
  mkdirSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createHash } from "node:crypto";
import { basename } from "node:path";
import { test } from "node:test";
import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { fileSink, type StoredFile } from "../../src/adapters/files/file_sink.ts";
import { type FileExistsError, PermanentError } from "../../src/errors.ts";
import { until } from "../_until.ts";
import { makeFolder, openStream, someContext, textUpload } from "./_uploads.ts";

function digestOf(text: string): string {
  const sum = createHash("sha256").update(text).digest("base64url");
  return `SHA-256=${sum}=`;
}

test("fileSink() takes the next free name for another content", async () => {
  using folder = makeFolder();
  const sink = fileSink(folder.path);
  for (const text of ["one", "two", "three!"]) {
    await sink(...textUpload(text, { filename: "a.tar.gz" }));
  }
  assertEquals(folder.names(), ["a (1).tar.gz", "a (2).tar.gz", "a.tar.gz"]);
  assertEquals(folder.text("a.tar.gz"), "one");
  assertEquals(folder.text("a (1).tar.gz"), "two");
  assertEquals(folder.text("a (2).tar.gz"), "three!");
});

test("fileSink() takes the next free name where a folder or a link has it", async () => {
  using folder = makeFolder();
  mkdirSync(folder.at("a"));
  symlinkSync("nowhere", folder.at("a (1)"));
  writeFileSync(folder.at("secret"), "text");
  symlinkSync("secret", folder.at("a (2)"));
  await fileSink(folder.path)(...textUpload("text", { filename: "a" }));
  assertEquals(folder.names(), ["a", "a (1)", "a (2)", "a (3)", "secret"]);
  assertEquals([folder.text("a (3)"), folder.text("secret")], ["text", "text"]);
  assertEquals(readlinkSync(folder.at("a (2)")), "secret");
});

for (const exists of ["rename", "replace", "error"] as const) {
  test(`fileSink() counts a file of the same content as the upload with exists "${exists}"`, async () => {
    using folder = makeFolder();
    writeFileSync(folder.at("a.txt"), "text");
    const { ino, mtimeMs } = statSync(folder.at("a.txt"));
    const told: StoredFile[] = [];
    const sink = fileSink(folder.path, { exists, onStored: (file) => void told.push(file) });
    await sink(...textUpload("text", { filename: "a.txt" }));
    await sink(...textUpload("text", { filename: "a.txt" }));
    assertEquals(folder.names(), ["a.txt"]);
    const now = statSync(folder.at("a.txt"));
    assertEquals([now.ino, now.mtimeMs], [ino, mtimeMs], "it was written again");
    assertEquals(told.map(({ path, digest }) => [path, digest]), [
      [folder.at("a.txt"), digestOf("text")],
      [folder.at("a.txt"), digestOf("text")],
    ]);
  });
}

test("fileSink() counts an empty file as an empty upload", async () => {
  using folder = makeFolder();
  for (let round = 0; round < 3; round++) {
    await fileSink(folder.path)(...textUpload("", { filename: "a" }));
  }
  assertEquals(folder.names(), ["a"]);
});

test("fileSink() counts a numbered file of the same content as the upload", async () => {
  using folder = makeFolder();
  const sink = fileSink(folder.path);
  for (const text of ["one", "two", "six", "two", "six", "one", "two"]) {
    await sink(...textUpload(text, { filename: "a.txt" }));
  }
  assertEquals(folder.names(), ["a (1).txt", "a (2).txt", "a.txt"]);
});

test('fileSink() replaces a file in one step with exists "replace"', async () => {
  using folder = makeFolder();
  const sink = fileSink(folder.path, { exists: "replace" });
  writeFileSync(folder.at("a"), "old!");
  linkSync(folder.at("a"), folder.at("other name"));
  const upload = openStream();
  const done = sink(upload.stream, someContext({ size: 4, filename: "a" }));
  upload.send("new!");
  await until(() => folder.names().length === 3);
  assertEquals(folder.text("a"), "old!");
  upload.close();
  await done;
  assertEquals([folder.text("a"), folder.text("other name")], ["new!", "old!"]);
  assertEquals(folder.names(), ["a", "other name"]);
});

test('fileSink() replaces a link itself, and not what it leads to, with exists "replace"', async () => {
  using folder = makeFolder();
  writeFileSync(folder.at("secret"), "keep");
  symlinkSync("secret", folder.at("a"));
  await fileSink(folder.path, { exists: "replace" })(...textUpload("text", { filename: "a" }));
  assertEquals([folder.text("a"), folder.text("secret")], ["text", "keep"]);
  assert(!statSync(folder.at("a")).isSymbolicLink());
});

test("fileSink() refuses for good what it may not overwrite, before it reads anything", async () => {
  using folder = makeFolder();
  writeFileSync(folder.at("a"), "old");
  mkdirSync(folder.at("sub"));
  symlinkSync("a", folder.at("link"));
  const cases = [["error", "a"], ["error", "sub"], ["error", "link"], ["replace", "sub"]] as const;
  for (const [exists, filename] of cases) {
    const upload = openStream();
    const refused = await assertRejects(
      async () =>
        await fileSink(folder.path, { exists })(upload.stream, someContext({ filename, size: 4 })),
      PermanentError,
    );
    assertEquals(refused.name, "PermanentError");
    // It reaches the sender, who is not told of folders.
    assertEquals(refused.message, `the name "${filename}" is taken by another file`);
    const cause = refused.cause as FileExistsError;
    assertEquals([cause.name, cause.path], ["FileExistsError", folder.at(filename)]);
    assertStrictEquals(await upload.cancelled, refused);
  }
  assertEquals(folder.names(), ["a", "link", "sub"]);
});

test('fileSink() refuses a file of the same size and another content with exists "error"', async () => {
  using folder = makeFolder();
  writeFileSync(folder.at("a"), "old");
  const sink = fileSink(folder.path, { exists: "error" });
  const refused = await assertRejects(
    async () => await sink(...textUpload("new", { filename: "a" })),
    PermanentError,
  );
  assertEquals(
    (refused.cause as Error).message,
    `${JSON.stringify(folder.at("a"))} is not overwritten: there is a file with another content`,
  );
  assertEquals(folder.names(), ["a"]);
  assertEquals(folder.text("a"), "old");
});

test("fileSink() goes past a file that it may not read", async () => {
  using folder = makeFolder();
  writeFileSync(folder.at("a"), "text");
  chmodSync(folder.at("a"), 0);
  await fileSink(folder.path)(...textUpload("next", { filename: "a" }));
  assertEquals(folder.names(), ["a", "a (1)"]);
});

test("fileSink() keeps every content when twenty sinks store one name at once", async () => {
  using folder = makeFolder();
  const texts = Array.from({ length: 20 }, (_, index) => `text ${index % 10}`);
  const paths: string[] = [];
  await Promise.all(texts.map(async (text) => {
    const sink = fileSink(folder.path, { onStored: ({ path }) => void paths.push(basename(path)) });
    await sink(...textUpload(text, { filename: "a.txt" }));
  }));
  const numbered = Array.from({ length: 9 }, (_, index) => `a (${index + 1}).txt`);
  assertEquals(folder.names(), [...numbered, "a.txt"]);
  const stored = folder.names().map((name) => folder.text(name)).sort();
  assertEquals(stored, texts.slice(0, 10).sort());
  assertEquals([...new Set(paths)].sort(), folder.names());
});

test("fileSink() leaves one whole file when twenty sinks replace it at once", async () => {
  using folder = makeFolder();
  const texts = Array.from({ length: 20 }, (_, index) => `${index} `.repeat(1_000));
  await Promise.all(
    texts.map((text) =>
      fileSink(folder.path, { exists: "replace" })(...textUpload(text, { filename: "a" }))
    ),
  );
  assertEquals(folder.names(), ["a"]);
  assert(texts.includes(folder.text("a")), "what is there is of none, or of several");
});

test("fileSink() stores one, and refuses the others for good, when twenty sinks may not overwrite", async () => {
  using folder = makeFolder();
  const results = await Promise.allSettled(
    Array.from(
      { length: 20 },
      (_, index) =>
        fileSink(folder.path, { exists: "error" })(
          ...textUpload(`${index + 10}`, { filename: "a" }),
        ),
    ),
  );
  const refused = results.filter((result) => result.status === "rejected");
  assertEquals(refused.length, 19);
  for (const { reason } of refused) assertEquals(reason.cause?.name, "FileExistsError");
  const [winner] = results.flatMap(({ status }, index) => status === "fulfilled" ? [index] : []);
  assertEquals(folder.names(), ["a"]);
  assertEquals(folder.text("a"), `${winner! + 10}`);
});
