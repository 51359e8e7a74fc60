/**
 * The TypeScript files of this repository.
 *
 * @module
 */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./runtime_command.ts";

/** The folders that hold code, and the files at the root. */
const CODE_FOLDERS: readonly string[] = ["bench", "examples", "soak", "src", "tests", "tools"];

/**
 * Lists TypeScript files, sorted.
 *
 * @param folder A folder from the root; every folder that holds code, and the root's own files, by default.
 * @param ending How the names end.
 * @returns Absolute paths; none where there is no such folder.
 */
export function sourceFiles(folder?: string, ending = ".ts"): string[] {
  if (folder === undefined) {
    const own = readdirSync(ROOT).filter((name) => name.endsWith(ending));
    const paths = own.map((name) => join(ROOT, name));
    return [...paths, ...CODE_FOLDERS.flatMap((name) => sourceFiles(name, ending))].sort();
  }
  const top = join(ROOT, folder);
  if (!existsSync(top)) return [];
  const names = readdirSync(top, { recursive: true, encoding: "utf8" });
  return names.filter((name) => name.endsWith(ending)).map((name) => join(top, name)).sort();
}
