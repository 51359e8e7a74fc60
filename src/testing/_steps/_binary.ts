import { mkdir, rename } from "node:fs/promises";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { withTemporaryFolder } from "../_cache.ts";
import type { FindContext } from "./_step.ts";
import { isCommandMissing, lastLine } from "../_run.ts";
import { parseVersion } from "../_version.ts";

/** The file name of the server on a platform. */
export function binaryName(context: FindContext): string {
  return context.platform === "win32" ? "nats-server.exe" : "nats-server";
}

/** The name of the file inside an archive, in whatever folder. */
export const BINARY_IN_ARCHIVE: RegExp = /(^|\/)nats-server(\.exe)?$/;

/** Where the cache keeps the servers of every version. */
export function serversFolder(context: FindContext): string {
  return join(context.cacheDir, "nats-server");
}

/** The folder of one version; caches on shared disks serve machines of several kinds. */
export function versionFolder(context: FindContext, version: string): string {
  return join(serversFolder(context), `${version}-${context.platform}-${context.arch}`);
}

/**
 * Asks a binary for its version.
 *
 * @throws {Error} if it does not run, or is something else.
 */
export async function binaryVersion(context: FindContext, path: string): Promise<string> {
  const { run, env, limits, signal } = context;
  const result = await run(path, ["--version"], { timeout: limits.look, env, signal }).catch(
    (error) => {
      if (isCommandMissing(error)) throw new Error(`there is no file ${path} that could be run`);
      throw error;
    },
  );
  const version = result.code === 0 ? parseVersion(result.stdout) : null;
  if (version === null) throw new Error(`${path} --version answered: ${lastLine(result)}`);
  return version;
}

/** Writes a binary that was unpacked, ready to be run. */
export function writeBinary(path: string, content: Uint8Array): void {
  // In one go: a process that is started meanwhile could inherit the open file, and Linux then refuses to run it.
  writeFileSync(path, content);
  chmodSync(path, 0o755);
}

/**
 * Lets `make` put a binary into a temporary folder, checks that it has the version, and moves it into the cache.
 *
 * @returns where it is now.
 */
export async function addToCache(
  context: FindContext,
  version: string,
  make: (temporary: string) => Promise<string>,
): Promise<string> {
  return await withTemporaryFolder(serversFolder(context), async (temporary) => {
    const made = await make(temporary);
    const found = await binaryVersion(context, made);
    if (found !== version) throw new Error(`what came is ${found}, wanted was ${version}`);
    const folder = versionFolder(context, version);
    const target = join(folder, binaryName(context));
    await mkdir(folder, { recursive: true });
    try {
      await rename(made, target);
    } catch (error) {
      // Windows does not replace a binary that runs: then another process was quicker.
      if (await binaryVersion(context, target).catch(() => null) !== version) throw error;
    }
    return target;
  });
}
