/** Reads what source files import, for the tests about the layout of the repository. */
import { readFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { ROOT } from "../../tools/runtime_command.ts";

/** A path from the root, with forward slashes on every system. */
export function fromRoot(path: string): string {
  return relative(ROOT, path).split(sep).join("/");
}

/** Source code without its comments; strings stay. */
export function withoutComments(source: string): string {
  return source.replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/(^|\s)\/\/.*$/gm, "$1");
}

/** The specifiers that a file names after `import` and `export … from`, and in `import("…")`. */
export function readImports(path: string): { specifier: string; isType: boolean }[] {
  const code = withoutComments(readFileSync(path, "utf8"));
  const statements = code.matchAll(
    /^(?:import|export)\s+(type\s)?(?:[^;"'`]*?\sfrom\s+)?"([^"]+)"/gm,
  );
  const calls = code.matchAll(/\bimport\(\s*"([^"]+)"\s*\)/g);
  return [
    ...[...statements].map(([, type, specifier]) => ({ specifier: specifier!, isType: !!type })),
    ...[...calls].map(([, specifier]) => ({ specifier: specifier!, isType: false })),
  ];
}

/** The file that a relative import leads to. */
export function resolveImport(from: string, specifier: string): string {
  return join(dirname(from), specifier);
}

/**
 * Everything that a file reaches over static imports.
 *
 * @param entry Absolute path of the file.
 * @returns The local files, and the bare and built-in specifiers, each with a file that names it.
 */
export function reach(entry: string): { files: Set<string>; packages: Map<string, string> } {
  const files = new Set<string>();
  const packages = new Map<string, string>();
  const queue = [entry];
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    if (files.has(file)) continue;
    files.add(file);
    for (const { specifier } of readImports(file)) {
      if (specifier.startsWith(".")) queue.push(resolveImport(file, specifier));
      else packages.set(specifier, fromRoot(file));
    }
  }
  return { files, packages };
}
