import { randomBytes } from "node:crypto";
import * as fs from "node:fs/promises";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import process from "node:process";
import { delay } from "./_delay.ts";

/** The user's cache folder of natskit, as each system places it. */
export function cacheFolder(
  env: Record<string, string | undefined>,
  platform: string,
  home: string = homedir(),
): string {
  if (platform === "win32") {
    return join(env["LOCALAPPDATA"] || join(home, "AppData", "Local"), "natskit", "cache");
  }
  // The specification of XDG_CACHE_HOME has relative paths ignored.
  const xdg = env["XDG_CACHE_HOME"];
  if (xdg && isAbsolute(xdg)) return join(xdg, "natskit");
  return platform === "darwin"
    ? join(home, "Library", "Caches", "natskit")
    : join(home, ".cache", "natskit");
}

/** Temporary folders of a process that was killed are removed after this time, in milliseconds. */
const ABANDONED_AFTER = 60 * 60 * 1_000;

/** Runs `use` with a new folder inside `folder`, so that what is made there can be moved by one rename. */
export async function withTemporaryFolder<T>(
  folder: string,
  use: (temporary: string) => Promise<T>,
): Promise<T> {
  await fs.mkdir(folder, { recursive: true });
  for (const name of await fs.readdir(folder)) {
    if (!name.startsWith(".tmp-")) continue;
    const path = join(folder, name);
    const { mtimeMs } = await fs.stat(path).catch(() => ({ mtimeMs: Date.now() }));
    if (Date.now() - mtimeMs > ABANDONED_AFTER) await fs.rm(path, { recursive: true, force: true });
  }
  const temporary = join(folder, `.tmp-${randomBytes(8).toString("hex")}`);
  await fs.mkdir(temporary, { mode: 0o700 });
  try {
    return await use(temporary);
  } finally {
    await fs.rm(temporary, { recursive: true, force: true, maxRetries: 3 }).catch(() => {});
  }
}

/** Bounds of {@linkcode withLock}, in milliseconds. */
export interface LockLimits {
  /** How long to wait for the lock; then the work is done without it. */
  wait: number;
  /** A lock that was not refreshed for this long belonged to a process that is gone. */
  stale: number;
}

async function takeLock(path: string, stale: number): Promise<boolean> {
  try {
    await (await fs.open(path, "wx")).close();
    return true;
  } catch (error) {
    // Windows answers EPERM while a lock that was just removed is still open somewhere.
    const { code } = error as { code?: string };
    if (code !== "EEXIST" && !(code === "EPERM" && process.platform === "win32")) throw error;
  }
  const found = await fs.stat(path).catch(() => undefined);
  if (found && Date.now() - found.mtimeMs > stale) await fs.rm(path, { force: true });
  return false;
}

/**
 * Lets one process at a time do the work; the others wait, and find it done. The lock only spares them from doing it
 * twice: they wait for a bounded time, and what the work makes appears by an atomic rename, with or without a lock.
 */
export async function withLock<T>(
  path: string,
  limits: LockLimits,
  work: () => Promise<T>,
  options: { onWait?: () => void; signal?: AbortSignal | undefined } = {},
): Promise<T> {
  const deadline = Date.now() + limits.wait;
  let held = await takeLock(path, limits.stale);
  if (!held) options.onWait?.();
  while (!held && Date.now() < deadline) {
    await delay(50);
    options.signal?.throwIfAborted();
    held = await takeLock(path, limits.stale);
  }
  const refresh = setInterval(() => {
    const now = new Date();
    if (held) fs.utimes(path, now, now).catch(() => {});
  }, limits.stale / 5);
  try {
    return await work();
  } finally {
    clearInterval(refresh);
    if (held) await fs.rm(path, { force: true }).catch(() => {});
  }
}
