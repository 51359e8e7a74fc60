/**
 * Giving a finished file its name, without ever writing over or through what is there.
 *
 * @module
 */
import { constants, type Stats } from "node:fs";
import { type FileHandle, link, lstat, open, rename, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createSha256, formatDigest } from "../../_digest.ts";
import { FileExistsError } from "../../errors.ts";
import { describeType, errorCode } from "./_paths.ts";
import { numberedName } from "./_safe_name.ts";

/** What to do where there is a file of the name with another content. */
export type ExistsMode = "rename" | "replace" | "error";

/** A file that is complete and has no name yet. */
export interface FinishedFile {
  /** Bytes. */
  readonly size: number;
  /** `SHA-256=…` */
  readonly digest: string;
  /** Its path, for the moment; only asked for when it is to get its name. */
  claim(): Promise<string>;
}

/** Where a file belongs. */
export interface Target {
  /** Absolute. */
  readonly folder: string;
  /** Safe. */
  readonly name: string;
  /** What to do where something is there. */
  readonly exists: ExistsMode;
}

/** How a path is given to a file: fails with `EEXIST` where there is anything. */
export type LinkFile = (from: string, to: string) => Promise<void>;

/** How often a place that is found free, and taken a moment later, is looked at again. */
const MOST_LOOKS = 100;

/** What is said of a file of the same size that is another one. */
const OTHER = "a file with another content";

/** How much of a file is read at a time to compare it, in bytes. */
const PIECE_SIZE = 1024 * 1024;

/**
 * Gives a file its name, in one step: nobody sees it half written. Where a file with the same size and digest has the
 * name, that one stands for it, and nothing is changed.
 *
 * @param linkFile For tests.
 * @returns The path that the content has now.
 * @throws {FileExistsError} There is something else, and `exists` does not allow to go on.
 */
export async function placeFile(
  file: FinishedFile,
  { folder, name, exists }: Target,
  signal: AbortSignal,
  linkFile: LinkFile = link,
): Promise<string> {
  for (let number = 0;; number++) {
    const path = join(folder, numberedName(name, number));
    const found = await placeAt(file, path, exists, signal, linkFile);
    if (found === undefined) return path;
    if (exists !== "rename") throw new FileExistsError(path, found);
  }
}

/** What else is there, or `undefined` when the content has the path. */
async function placeAt(
  file: FinishedFile,
  path: string,
  exists: ExistsMode,
  signal: AbortSignal,
  linkFile: LinkFile,
): Promise<string | undefined> {
  for (let look = 1;; look++) {
    const found = await compare(file, path, signal);
    // An empty file may also be the place that another upload has just begun to keep, where there are no links.
    if (found === "same" && (file.size > 0 || await canLink(file, linkFile))) return undefined;
    signal.throwIfAborted();
    if (exists === "replace" && found !== "a folder") {
      await rename(await file.claim(), path); // a link is replaced, not followed
      return undefined;
    }
    if (found !== undefined) return found === "same" ? OTHER : found;
    if (await takePath(await file.claim(), path, linkFile)) return undefined;
    if (look === MOST_LOOKS) return "something that cannot be looked at";
  }
}

/** Whether the file got the path; not so if something has it, which stays as it is. */
async function takePath(from: string, path: string, linkFile: LinkFile): Promise<boolean> {
  try {
    await linkFile(from, path);
    return true; // both paths are the same file now; the first one goes with the temporary file
  } catch (error) {
    if (errorCode(error) === "EEXIST") return false;
    if (errorCode(error) === "ENOENT") throw error;
    return await reservePath(from, path);
  }
}

/** Whether the file system has hard links. */
async function canLink(file: FinishedFile, linkFile: LinkFile): Promise<boolean> {
  const from = await file.claim();
  const probe = `${from}.link`;
  try {
    await linkFile(from, probe);
  } catch {
    return false;
  }
  await unlink(probe);
  return true;
}

/**
 * Where the file system has no hard links: a small file keeps the place until the rename. What it says is like no
 * upload, so that none takes it for itself, stored already.
 */
async function reservePath(from: string, path: string): Promise<boolean> {
  try {
    await writeFile(path, from, { flag: "wx" });
  } catch (error) {
    if (errorCode(error) === "EEXIST") return false;
    throw error;
  }
  try {
    await rename(from, path);
    return true;
  } catch (error) {
    await unlink(path);
    throw error;
  }
}

/** What is at a path: nothing (`undefined`), the `"same"` content, or something else, in words. */
async function compare(
  file: FinishedFile,
  path: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const found = await look(path);
  if (!found?.isFile()) return found && describeType(found);
  if (found.size !== file.size) return `a file with ${found.size} bytes, and not ${file.size}`;
  let handle: FileHandle;
  try {
    // It may have become a link or a pipe since.
    const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
    handle = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch {
    return OTHER; // it may not be read, or something else is there by now
  }
  try {
    if (!(await handle.stat()).isFile() || await digestOf(handle, signal) !== file.digest) {
      return OTHER;
    }
    // Whoever wrote it may not have waited for the disk. Some systems want more than reading for that.
    await handle.sync().catch(() => {});
    return "same";
  } finally {
    await handle.close();
  }
}

/** What is at a path, links not followed. */
export async function look(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

async function digestOf(handle: FileHandle, signal: AbortSignal): Promise<string> {
  const hash = await createSha256();
  const piece = new Uint8Array(PIECE_SIZE);
  for (;;) {
    signal.throwIfAborted();
    const { bytesRead } = await handle.read(piece, 0, piece.length, null);
    if (bytesRead === 0) return formatDigest(hash.digest());
    hash.update(piece.subarray(0, bytesRead));
  }
}
