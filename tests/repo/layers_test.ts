import { readFileSync } from "node:fs";
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { sourceFiles } from "../../tools/source_files.ts";
import { fromRoot, readImports, resolveImport, withoutComments } from "./_imports.ts";

const GROUND = ["ground"];
const CONNECTION = [...GROUND, "connect"];
const PLUMBING = [...CONNECTION, "_jetstream", "_credit"];
const CAPABILITIES = ["chunked", "objects", "kv", "streams", "messaging"];

/** Which rooms of `src/` a room may import from, beside itself. Anything else is a step up or sideways. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  ground: [],
  // It loads the adapter of the runtime by a computed name, which is no import.
  connect: GROUND,
  adapters: CONNECTION,
  testing: CONNECTION,
  _jetstream: CONNECTION,
  _credit: CONNECTION,
  ...Object.fromEntries(CAPABILITIES.map((room) => [room, PLUMBING])),
  file_uploads: [...PLUMBING, ...CAPABILITIES],
  // What both main entries re-export.
  public: [...PLUMBING, ...CAPABILITIES, "file_uploads"],
};

/** Where a runtime may be named. */
const RUNTIME_ROOMS = ["adapters", "testing"];

/**
 * And the files that may: the native hash is asked of `process`, a collection of garbage of `Bun`, and the runtime is
 * told apart in one place.
 */
const RUNTIME_FILES = ["src/_digest.ts", "src/_garbage.ts", "src/connect/_runtime.ts"];

function roomOf(path: string): string {
  const [, first, second] = fromRoot(path).split("/");
  if (second !== undefined) return first === "errors" ? "ground" : first!; // errors.ts and its parts
  return first === "_public.ts" ? "public" : "ground";
}

test("src/ imports only point downwards, and capabilities do not import each other", () => {
  const wrong: string[] = [];
  const files = sourceFiles("src");
  assert(files.length > 0, "no source files were found");
  for (const file of files) {
    const room = roomOf(file);
    const allowed = MAY_IMPORT[room];
    if (allowed === undefined) {
      wrong.push(`${fromRoot(file)}: the room ${room} has no floor yet, give it one in this test`);
      continue;
    }
    for (const { specifier } of readImports(file)) {
      if (!specifier.startsWith(".")) continue;
      const target = resolveImport(file, specifier);
      const targetRoom = roomOf(target);
      if (!fromRoot(target).startsWith("src/")) {
        wrong.push(`${fromRoot(file)} leaves src/: ${specifier}`);
      } else if (targetRoom !== room && !allowed.includes(targetRoom)) {
        wrong.push(`${fromRoot(file)} (${room}) imports ${specifier} (${targetRoom})`);
      }
    }
  }
  assertEquals(wrong, []);
});

test("src/ names a runtime only in the adapters and in testing", () => {
  const wrong: string[] = [];
  for (const file of sourceFiles("src")) {
    const path = fromRoot(file);
    if (RUNTIME_ROOMS.includes(roomOf(file)) || RUNTIME_FILES.includes(path)) continue;
    const code = withoutComments(readFileSync(file, "utf8"));
    for (const [found] of code.matchAll(/"node:\w+|\b(?:Deno|Bun|process)\??\.\w+/g)) {
      wrong.push(`${path}: ${found}`);
    }
  }
  assertEquals(wrong, []);
});

test("src/ names a transport package only in the adapters", () => {
  const wrong = sourceFiles("src").filter((file) => roomOf(file) !== "adapters")
    .flatMap((file) => readImports(file).map(({ specifier }) => ({ file, specifier })))
    .filter(({ specifier }) => specifier.includes("/transport-"))
    .map(({ file, specifier }) => `${fromRoot(file)}: ${specifier}`);
  assertEquals(wrong, []);
});

test("src/ imports internals of nats-core only where the official connect is driven by hand", () => {
  const wrong = sourceFiles("src").filter((file) => fromRoot(file) !== "src/connect/_dial.ts")
    .flatMap((file) => readImports(file).map(({ specifier }) => ({ file, specifier })))
    .filter(({ specifier }) => /^@nats-io\/.*\/internal$/.test(specifier))
    .map(({ file, specifier }) => `${fromRoot(file)}: ${specifier}`);
  assertEquals(wrong, []);
});
