/**
 * Paths as callers give them, and what errors say of them.
 *
 * @module
 */
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe } from "../../_require.ts";

/** The absolute path, which a later change of the working directory does not touch. */
export function toPath(name: string, path: unknown): string {
  if (path instanceof URL) {
    if (path.protocol === "file:") return resolve(fileURLToPath(path));
    throw new TypeError(`${name} is a URL with the scheme ${path.protocol}, wanted is file:`);
  }
  if (typeof path !== "string") {
    throw new TypeError(`${name} is ${describe(path)}, wanted is a string or a URL`);
  }
  if (path === "") throw new TypeError(`${name} is empty, wanted is a path`);
  return resolve(path);
}

/** The little of `Stats` and `BigIntStats` that is asked for. */
interface FileType {
  isFile(): boolean;
  isDirectory(): boolean;
  isSymbolicLink(): boolean;
}

/** What something in a file system is, in words. */
export function describeType(stats: FileType): string {
  if (stats.isFile()) return "a file";
  if (stats.isDirectory()) return "a folder";
  return stats.isSymbolicLink() ? "a symbolic link" : "a device or a pipe";
}

/** The code of a system's error, such as `ENOENT`. */
export function errorCode(error: unknown): string | undefined {
  return (error as { code?: string } | null | undefined)?.code;
}
