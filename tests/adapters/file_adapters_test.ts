import { writeFileSync } from "node:fs";
import { test } from "node:test";
import { assertEquals, assertStrictEquals } from "@std/assert";
import { detectRuntime } from "../../src/connect/_runtime.ts";
import * as errors from "../../src/errors.ts";
import { makeFolder, someContext } from "./_uploads.ts";

type Adapter = typeof import("../../src/adapters/deno.ts");

// Each runtime has the transport package of its own adapters alone.
const NAMES = detectRuntime() === "deno" ? ["deno"] : ["node", "bun"];

for (const name of NAMES) {
  test(`fileSource() and fileSink() of the ${name} adapter move a file into a folder`, async () => {
    const adapter = await import(`../../src/adapters/${name}.ts`) as Adapter;
    using folder = makeFolder();
    writeFileSync(folder.at("from.txt"), "hello");
    const source = adapter.fileSource(folder.at("from.txt"));
    const context = someContext({ size: source.size, filename: source.name });
    await adapter.fileSink(folder.at("to"))(source.read(0, source.size), context);
    assertEquals(folder.text("to/from.txt"), "hello");
  });

  test(`the ${name} adapter has the errors of files of the main entry`, async () => {
    const adapter = await import(`../../src/adapters/${name}.ts`) as Adapter;
    assertStrictEquals(adapter.FileChangedError, errors.FileChangedError);
    assertStrictEquals(adapter.FileExistsError, errors.FileExistsError);
    assertStrictEquals(adapter.UploadTakenOverError, errors.UploadTakenOverError);
    assertStrictEquals(adapter.WrongFileTypeError, errors.WrongFileTypeError);
  });
}
