import { existsSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import process from "node:process";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { fileSink, type StoredFile } from "../../src/adapters/files/file_sink.ts";
import type { UploadContext } from "../../src/_upload.ts";
import { UploadTakenOverError, WrongFileTypeError } from "../../src/errors.ts";
import { until } from "../_until.ts";
import { countOpen, makeFolder, openStream, someContext, textUpload } from "./_uploads.ts";

const ID = "0d5f2d0e-8f0a-4c43-9d27-1c9a4f6b2f11";
const LEFTOVER = `.natskit-${ID}.part`;

test("fileSink() stores an upload under its name, and tells of it", async () => {
  using folder = makeFolder();
  const told: StoredFile[] = [];
  const sink = fileSink(folder.path, { onStored: (file) => void told.push(file) });
  await sink(...textUpload("hello world", { uploadId: ID, filename: "dir/greeting.txt" }));
  assertEquals(folder.names(), ["greeting.txt"]);
  assertEquals(folder.text("greeting.txt"), "hello world");
  assertEquals(told, [{
    path: folder.at("greeting.txt"),
    size: 11,
    digest: "SHA-256=uU0nuZNNPgilLlLX2n2r-sSE7-N6U4DukIj3rOLvzek=",
    uploadId: ID,
  }]);
});

test("fileSink() names an upload without a name by its id, and stores an empty one", async () => {
  using folder = makeFolder();
  const sink = fileSink(pathToFileURL(folder.path));
  await sink(...textUpload("", { uploadId: ID }));
  await sink(...textUpload("x", { filename: "..", uploadId: ID.replace("0", "1") }));
  assertEquals(folder.names(), [ID, ID.replace("0", "1")]);
  assertEquals([folder.text(ID), folder.text(ID.replace("0", "1"))], ["", "x"]);
});

test("fileSink() stores big pieces whole and in order", async () => {
  using folder = makeFolder();
  const pieces = [1, 2_000_000, 0, 5, 3_000_000].map((size, seed) =>
    Uint8Array.from({ length: size }, (_, index) => (index * 7 + (index >> 9) + seed) & 0xff)
  );
  const all = Buffer.concat(pieces);
  const stream = new ReadableStream<Uint8Array>({
    start: (controller) => {
      for (const piece of pieces) controller.enqueue(piece);
      controller.close();
    },
  });
  let stored: StoredFile | undefined;
  const sink = fileSink(folder.path, { onStored: (file) => void (stored = file) });
  await sink(stream, someContext({ size: all.length, filename: "big" }));
  const { readFileSync } = await import("node:fs");
  assertEquals(Buffer.compare(readFileSync(stored!.path), all), 0);
  assertEquals(stored!.digest, `SHA-256=${createHash("sha256").update(all).digest("base64url")}=`);
});

test("fileSink() shows nothing under the name before everything is there", async () => {
  using folder = makeFolder();
  const upload = openStream();
  const done = fileSink(folder.path)(
    upload.stream,
    someContext({ uploadId: ID, size: 6, filename: "a" }),
  );
  upload.send("abc");
  await until(() => existsSync(folder.at(LEFTOVER)) && folder.text(LEFTOVER) === "abc");
  assertEquals(folder.names(), [LEFTOVER]);
  upload.send("def");
  await until(() => folder.text(LEFTOVER) === "abcdef");
  assertEquals(folder.names(), [LEFTOVER]);
  upload.close();
  await done;
  assertEquals(folder.names(), ["a"]);
});

test("fileSink() lets filename choose, and makes that safe too", async () => {
  using folder = makeFolder();
  const filename = ({ subject, contentType }: UploadContext): string =>
    `../${subject}:${contentType}.`;
  await fileSink(folder.path, { filename })(
    ...textUpload("x", { subject: "in.box", contentType: "text", filename: "theirs" }),
  );
  assertEquals(folder.names(), ["in.box_text"]);
  const bad = fileSink(folder.path, { filename: () => 5 as unknown as string });
  const message = "what filename() returns is a number, wanted is a string";
  await assertRejects(async () => await bad(...textUpload("x")), TypeError, message);
  const reason = new Error("no name");
  const thrower = fileSink(folder.path, {
    filename: () => {
      throw reason;
    },
  });
  assertStrictEquals(await assertRejects(async () => await thrower(...textUpload("x"))), reason);
  assertEquals(folder.names(), ["in.box_text"]);
});

test("fileSink() creates missing folders, unless it is told not to", async () => {
  using folder = makeFolder();
  const error = assertThrows(() => fileSink(folder.at("a/b"), { create: false }));
  assertEquals((error as { code?: string }).code, "ENOENT");
  const sink = fileSink(folder.at("a/b"));
  assertEquals(folder.names(), []);
  await sink(...textUpload("x", { filename: "f" }));
  assertEquals(folder.text("a/b/f"), "x");
  // One that is gone in between is created again; or not.
  const strict = fileSink(folder.at("a/b"), { create: false });
  rmSync(folder.at("a"), { recursive: true });
  await assertRejects(async () => await strict(...textUpload("x")), Error, "ENOENT");
  await sink(...textUpload("y", { filename: "f" }));
  assertEquals(folder.text("a/b/f"), "y");
});

test("fileSink() gives new files the permissions that it is told", async () => {
  using folder = makeFolder();
  await fileSink(folder.path, { mode: 0o600 })(...textUpload("x", { filename: "f" }));
  if (process.platform !== "win32") assertEquals(statSync(folder.at("f")).mode & 0o777, 0o600);
});

test("fileSink() refuses bad arguments at once", () => {
  using folder = makeFolder();
  writeFileSync(folder.at("file"), "");
  const bad = (options: object, path: unknown = folder.path) => () =>
    fileSink(path as string, options);
  assertThrows(bad({ exist: "error" }), TypeError, 'unknown field "exist"');
  assertThrows(bad({ exists: "skip" }), RangeError, "known are: rename, replace, error");
  assertThrows(bad({ exists: 5 }), TypeError, "exists is a number");
  assertThrows(bad({ mode: "0o600" }), TypeError, "mode is a string");
  assertThrows(bad({ mode: 0o1000 }), RangeError, "mode is 512");
  assertThrows(bad({ create: 1 }), TypeError, "create is a number");
  assertThrows(bad({ filename: "a" }), TypeError, "filename is a string, wanted is a function");
  assertThrows(bad({ onStored: {} }), TypeError, "onStored is an Object, wanted is a function");
  assertThrows(bad({}, null), TypeError, "folder is null");
  assertThrows(bad({}, ""), TypeError, "folder is empty");
  const error = assertThrows(bad({}, folder.at("file")), WrongFileTypeError);
  assertEquals(error.message, `${JSON.stringify(folder.at("file"))} is a file, wanted is a folder`);
});

test("fileSink() leaves nothing when the stream fails", async () => {
  using folder = makeFolder();
  const upload = openStream();
  const done = fileSink(folder.path)(upload.stream, someContext({ size: 6, filename: "a" }));
  upload.send("abc");
  await until(() => folder.names().length === 1);
  const reason = new Error("the digest is another one");
  upload.fail(reason);
  assertStrictEquals(await assertRejects(async () => await done), reason);
  assertEquals(folder.names(), []);
});

test("fileSink() leaves nothing, and cancels the stream, when its signal aborts", async () => {
  using folder = makeFolder();
  const reason = new Error("given up");
  const abort = new AbortController();
  const upload = openStream();
  const context = someContext({ size: 6, filename: "a", signal: abort.signal });
  const done = fileSink(folder.path)(upload.stream, context);
  upload.send("abc");
  await until(() => folder.names().length === 1);
  abort.abort(reason);
  assertStrictEquals(await assertRejects(async () => await done), reason);
  assertStrictEquals(await upload.cancelled, reason);
  assertEquals(folder.names(), []);

  const late = openStream();
  const sink = fileSink(folder.at("sub"));
  assertStrictEquals(await assertRejects(async () => await sink(late.stream, context)), reason);
  assertStrictEquals(await late.cancelled, reason);
  assertEquals(folder.names(), []);
});

test("fileSink() refuses a stream that has another size than announced, or no bytes", async () => {
  using folder = makeFolder();
  const sink = fileSink(folder.path);
  const message = `upload ${ID} ended after 4 bytes, announced were 5`;
  const short = textUpload("four", { uploadId: ID, size: 5, filename: "a" });
  await assertRejects(async () => await sink(...short), RangeError, message);
  const text = new ReadableStream({ start: (controller) => controller.enqueue("text") });
  await assertRejects(
    async () => await sink(text, someContext({ size: 4 })),
    TypeError,
    "the stream has a string, wanted are Uint8Arrays",
  );
  for (const uploadId of ["../x", "", "a/b"]) {
    await assertRejects(
      async () => await sink(...textUpload("x", { uploadId })),
      TypeError,
      "wanted is a UUID",
    );
  }
  assertEquals(folder.names(), []);
});

test("fileSink() fails the upload when onStored does, and the next try finds the file", async () => {
  using folder = makeFolder();
  const reason = new Error("the catalogue is away");
  let calls = 0;
  const sink = fileSink(folder.path, {
    onStored: () => ++calls === 1 ? Promise.reject(reason) : undefined,
  });
  const again = (): ReturnType<typeof textUpload> =>
    textUpload("text", { uploadId: ID, filename: "a" });
  assertStrictEquals(await assertRejects(async () => await sink(...again())), reason);
  await sink(...again());
  assertEquals([calls, folder.names()], [2, ["a"]]);
});

test("fileSink() replaces what a crash has left of this upload, and nothing of others", async () => {
  using folder = makeFolder();
  const other = LEFTOVER.replace("0", "1");
  writeFileSync(folder.at(LEFTOVER), "half of a longer upload");
  writeFileSync(folder.at(other), "of another upload");
  await fileSink(folder.path)(...textUpload("text", { uploadId: ID, filename: "a" }));
  assertEquals(folder.names(), [other, "a"]);
  assertEquals([folder.text("a"), folder.text(other)], ["text", "of another upload"]);
});

test("fileSink() removes what a crash has left in the last moment when the upload comes again", async () => {
  using folder = makeFolder();
  const claimed = `.natskit-${ID}-0123abcd-0123.part`;
  const other = claimed.replace("0d5f", "1d5f");
  for (const name of [claimed, other]) writeFileSync(folder.at(name), "text");
  const again = textUpload("text", { uploadId: ID, filename: "a", deliveryCount: 2 });
  await fileSink(folder.path)(...again);
  assertEquals(folder.names(), [other, "a"]);
});

test("fileSink() does not write through a link in the place of its temporary file", async () => {
  using folder = makeFolder();
  writeFileSync(folder.at("secret"), "keep");
  symlinkSync("secret", folder.at(LEFTOVER));
  await fileSink(folder.path)(...textUpload("text", { uploadId: ID, filename: "a" }));
  assertEquals(folder.names(), ["a", "secret"]);
  assertEquals([folder.text("a"), folder.text("secret")], ["text", "keep"]);
});

test("fileSink() lets the later of two tries of one upload finish, and the earlier one fail by name", async () => {
  using folder = makeFolder();
  const earlier = openStream();
  const context = someContext({ uploadId: ID, size: 4, filename: "a" });
  const first = Promise.resolve(fileSink(folder.path)(earlier.stream, context));
  first.catch(() => {});
  earlier.send("te");
  await until(() => existsSync(folder.at(LEFTOVER)) && folder.text(LEFTOVER) === "te");
  const later = openStream();
  const second = fileSink(folder.path)(later.stream, context);
  later.send("t");
  await until(() => existsSync(folder.at(LEFTOVER)) && folder.text(LEFTOVER) === "t");
  earlier.send("xt");
  earlier.close();
  const error = await assertRejects(async () => await first, UploadTakenOverError);
  assertEquals([error.uploadId, error.folder], [ID, folder.path]);
  assertEquals(folder.names(), [LEFTOVER], "that of the later try");
  later.send("ext");
  later.close();
  await second;
  assertEquals(folder.names(), ["a"]);
  assertEquals(folder.text("a"), "text");
});

test("fileSink() counts an earlier try as stored when the later one has stored the same", async () => {
  using folder = makeFolder();
  const earlier = openStream();
  const context = someContext({ uploadId: ID, size: 4, filename: "a" });
  const first = fileSink(folder.path)(earlier.stream, context);
  earlier.send("te");
  await until(() => existsSync(folder.at(LEFTOVER)) && folder.text(LEFTOVER) === "te");
  await fileSink(folder.path)(...textUpload("text", { uploadId: ID, filename: "a" }));
  earlier.send("xt");
  earlier.close();
  await first;
  assertEquals(folder.names(), ["a"]);
});

test("fileSink() leaves one whole file when twenty tries of one upload run at once", async () => {
  using folder = makeFolder();
  const text = "text ".repeat(100);
  const results = await Promise.allSettled(
    Array.from(
      { length: 20 },
      () => fileSink(folder.path)(...textUpload(text, { uploadId: ID, filename: "a" })),
    ),
  );
  assert(results.some(({ status }) => status === "fulfilled"), "none of them came through");
  for (const result of results) {
    if (result.status === "rejected") assertEquals(result.reason.name, "UploadTakenOverError");
  }
  assertEquals(folder.names(), ["a"]);
  assertEquals(folder.text("a"), text);
});

test("fileSink() has no file open after success and failure", async () => {
  using folder = makeFolder();
  const sink = fileSink(folder.path, { exists: "error" });
  await sink(...textUpload("text", { filename: "a" }));
  await sink(...textUpload("text", { filename: "a" }));
  await assertRejects(async () => await sink(...textUpload("next", { filename: "a" })));
  await assertRejects(async () => await sink(...textUpload("x", { filename: "b", size: 2 })));
  assertEquals(countOpen(folder.path), 0);
});

test("fileSink() takes in a big upload in constant memory, and slows its source", {
  timeout: 30_000,
}, async () => {
  using folder = makeFolder();
  const pieces = 100;
  const size = 2_000_000;
  let made = 0;
  const before = process.memoryUsage().rss;
  let most = 0;
  const stream = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      if (made === pieces) return controller.close();
      made++;
      most = Math.max(most, process.memoryUsage().rss - before);
      controller.enqueue(new Uint8Array(size).fill(made));
    },
  });
  await fileSink(folder.path)(stream, someContext({ size: pieces * size, filename: "big" }));
  assertEquals(statSync(folder.at("big")).size, pieces * size);
  assert(most < 120e6, `${Math.round(most / 1e6)} MB more than before`);
});
