/**
 * The file that the demo sends.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { createReadStream, statSync } from "node:fs";
import { totalmem } from "node:os";
import { basename } from "node:path";

/** A file that can be sent. */
export interface DemoFile {
  /** Where it is. */
  readonly path: string;
  /** The last part of the path. */
  readonly name: string;
  /** How many bytes it has. */
  readonly size: number;
}

/** What one read of a file returns at most on some runtimes. */
const MOST_BYTES = 2_000_000_000;

/**
 * How large a file may be: the sender and the receiver each hold it whole, and so may the server's part of the page
 * cache.
 *
 * @param memory Bytes of memory that the machine has.
 */
export function largestDemoFile(memory: number = totalmem()): number {
  return Math.min(MOST_BYTES, Math.floor(memory / 4));
}

/**
 * Looks at a file before anything is started.
 *
 * @param path Where it is.
 * @param limit The most bytes that it may have.
 * @returns The file.
 * @throws {Error} If there is none, or it is no file, or empty, or too big; says what to do.
 */
export function findDemoFile(path: string, limit: number = largestDemoFile()): DemoFile {
  const name = JSON.stringify(path);
  let found;
  try {
    found = statSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(
      code === "ENOENT" ? `there is no file ${name}` : `${name} cannot be looked at: ${code}`,
    );
  }
  if (!found.isFile()) throw new Error(`${name} is no file: name one, or none for the default`);
  if (found.size === 0) throw new Error(`${name} is empty: there would be nothing to compare`);
  if (found.size > limit) {
    throw new Error(
      `${name} has ${found.size} bytes, wanted are at most ${limit} on this machine: the demo ` +
        "holds the file in memory twice",
    );
  }
  return { path, name: basename(path), size: found.size };
}

/**
 * The first of some files that is large enough to be worth watching.
 *
 * @param paths Where files may be.
 * @param atLeast Bytes that it must have.
 * @returns The path of the first such file, or else of the last one.
 */
export function firstLargeFile(paths: readonly string[], atLeast: number): string {
  const large = paths.find((path) =>
    (statSync(path, { throwIfNoEntry: false })?.size ?? 0) >= atLeast
  );
  return large ?? paths.at(-1)!;
}

/** The SHA-256 of a file, in hexadecimal; read piece by piece, by the runtime alone. */
export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of createReadStream(path)) hash.update(piece);
  return hash.digest("hex");
}
