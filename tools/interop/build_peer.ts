/**
 * Builds the peers into the user's cache, each only when its sources or its toolchain have changed.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { cp, mkdir, readdir, readFile, rename, stat } from "node:fs/promises";
import { join, relative } from "node:path";
import process from "node:process";
import { cacheFolder, withLock, withTemporaryFolder } from "../../src/testing/_cache.ts";
import { isCommandMissing, lastLine, runCommand } from "../../src/testing/_run.ts";
import { ROOT, type RuntimeCommand } from "../runtime_command.ts";
import { type Language, type Toolchain, TOOLCHAINS } from "./languages.ts";

/** What a build of somebody else may take, in milliseconds. */
const LOCK = { wait: 15 * 60_000, stale: 60_000 };

/** What tools leave beside the sources, which is none of them. */
const LEFT_OVERS = ["Cargo.lock", "target", "__pycache__"];

/** How a peer is built. */
export interface BuildOptions {
  /** The folder with one folder of sources for each language. */
  sources?: string;
  /** Where builds are kept; a folder of the user's cache by default. */
  cache?: string;
  /** Takes lines about what is done; standard error by default. */
  log?: (line: string) => void;
  /** What builds; the one of the language by default. */
  toolchain?: Toolchain;
}

/** The files of a peer, from its folder, sorted. */
async function listSources(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .filter((path) => !path.split(/[\\/]/).some((part) => LEFT_OVERS.includes(part)))
    .sort();
}

/**
 * The version of a toolchain.
 *
 * @throws {Error} Where there is none; the message names it and says how to get it.
 */
export async function toolchainVersion(
  { client, program, versionArgument, howToGet }: Toolchain,
): Promise<string> {
  const missing = (why: string): Error =>
    new Error(`${program} ${why}, which the peer over ${client} is built with: ${howToGet}`);
  try {
    const result = await runCommand(program, [versionArgument], {
      timeout: 30_000,
      env: process.env,
    });
    if (result.code !== 0) throw missing(`does not run (${lastLine(result)})`);
    return lastLine(result);
  } catch (error) {
    throw isCommandMissing(error) ? missing("is not on the path") : error;
  }
}

async function keyOf(folder: string, files: readonly string[], version: string): Promise<string> {
  const hash = createHash("sha256");
  hash.update(JSON.stringify([version, process.platform, process.arch]));
  for (const file of files) {
    const content = await readFile(join(folder, file));
    hash.update(JSON.stringify([file, content.length])).update(content);
  }
  return hash.digest("hex").slice(0, 16);
}

const exists = (path: string): Promise<boolean> => stat(path).then(() => true, () => false);

/**
 * Builds the peer of a language, or finds it built.
 *
 * @param language Which one.
 * @param options Where from and where to.
 * @returns The command that starts it; its own arguments come after.
 * @throws {Error} Where the toolchain is missing, with how to get it, or where it cannot build.
 */
export async function buildPeer(
  language: Language,
  options: BuildOptions = {},
): Promise<RuntimeCommand> {
  const {
    sources: all = join(ROOT, "tests", "interop"),
    cache = join(cacheFolder(process.env, process.platform), "interop"),
    log = console.error,
    toolchain = TOOLCHAINS[language],
  } = options;
  const folder = join(all, language);
  const files = await listSources(folder);
  if (files.length === 0) throw new Error(`${folder} holds no sources`);
  const key = await keyOf(folder, files, await toolchainVersion(toolchain));
  const finished = join(cache, `${language}-${key}`);

  if (!await exists(finished)) {
    await mkdir(cache, { recursive: true });
    await withLock(join(cache, `${language}.lock`), LOCK, async () => {
      if (await exists(finished)) return;
      log(`building the ${language} peer over ${toolchain.client}`);
      await withTemporaryFolder(cache, async (temporary) => {
        const [sources, output] = [join(temporary, "sources"), join(temporary, "output")];
        await mkdir(output);
        for (const file of files) await cp(join(folder, file), join(sources, file));
        await toolchain.build({ sources, output, kept: join(cache, `${language}-kept`) });
        await rename(output, finished);
      });
    });
  }
  return toolchain.start(finished);
}
