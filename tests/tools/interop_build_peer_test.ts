import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { after, before, test } from "node:test";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { buildPeer, toolchainVersion } from "../../tools/interop/build_peer.ts";
import {
  type BuildFolders,
  LANGUAGES,
  type Toolchain,
  TOOLCHAINS,
} from "../../tools/interop/languages.ts";

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "natskit-peer-"));
});
after(() => rm(folder, { recursive: true, force: true }));

/** A toolchain whose builds copy one file; this runtime is its program. */
function fakeToolchain(build?: (folders: BuildFolders) => Promise<void>) {
  const builds: string[] = [];
  const toolchain: Toolchain = {
    client: "a client",
    program: process.execPath,
    versionArgument: "--version",
    howToGet: "look under the sofa",
    async build(folders) {
      const source = await readFile(join(folders.sources, "peer.txt"), "utf8");
      builds.push(source);
      await writeFile(join(folders.output, "built.txt"), source);
      await build?.(folders);
    },
    start: (output) => ({ command: join(output, "built.txt"), args: ["first"] }),
  };
  return { toolchain, builds };
}

async function newPlace(name: string, source: string) {
  const [sources, cache] = [join(folder, name, "sources"), join(folder, name, "cache")];
  const file = join(sources, "go", "peer.txt");
  await mkdir(join(sources, "go"), { recursive: true });
  await writeFile(file, source);
  return { sources, cache, file };
}

const log = (): void => {};

test("buildPeer() builds once, and again when a source has changed", async () => {
  const { sources, cache, file } = await newPlace("once", "one");
  const { toolchain, builds } = fakeToolchain();
  const options = { sources, cache, log, toolchain };
  const first = await buildPeer("go", options);
  assertEquals(await readFile(first.command, "utf8"), "one");
  assertEquals(first.args, ["first"]);
  assertEquals(await buildPeer("go", options), first);
  await writeFile(join(sources, "go", "Cargo.lock"), "what a tool left");
  assertEquals(await buildPeer("go", options), first);
  assertEquals(builds, ["one"]);

  await writeFile(file, "two");
  const second = await buildPeer("go", options);
  assert(second.command !== first.command);
  assertEquals(await readFile(second.command, "utf8"), "two");
  await writeFile(file, "one");
  assertEquals(await buildPeer("go", options), first);
  assertEquals(builds, ["one", "two"]);
});

test("buildPeer() builds once where several ask at the same time", async () => {
  const { sources, cache } = await newPlace("together", "one");
  const { toolchain, builds } = fakeToolchain();
  const ask = () => buildPeer("go", { sources, cache, log, toolchain });
  const [first, ...others] = await Promise.all([ask(), ask(), ask()]);
  for (const other of others) assertEquals(other, first);
  assertEquals(builds, ["one"]);
});

test("buildPeer() leaves nothing of a build that failed", async () => {
  const { sources, cache } = await newPlace("failing", "one");
  let works = false;
  const { toolchain } = fakeToolchain(() =>
    works ? Promise.resolve() : Promise.reject(new Error("does not compile"))
  );
  const options = { sources, cache, log, toolchain };
  const error = await assertRejects(() => buildPeer("go", options), Error);
  assertEquals(error.message, "does not compile");
  assertEquals(await readdir(cache), []);
  works = true;
  assertEquals(await readFile((await buildPeer("go", options)).command, "utf8"), "one");
});

test("toolchainVersion() names what is missing and how to get it, for every language", async () => {
  for (const language of LANGUAGES) {
    const toolchain = { ...TOOLCHAINS[language], program: "natskit-no-such-program" };
    const error = await assertRejects(() => toolchainVersion(toolchain), Error);
    assertStringIncludes(error.message, "natskit-no-such-program is not on the path");
    assertStringIncludes(error.message, toolchain.client);
    assertStringIncludes(error.message, toolchain.howToGet);
  }
});
