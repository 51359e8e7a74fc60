/**
 * Finds the TypeScript programs in the documentation: README, docs and the `@example` blocks of the sources.
 *
 * @module
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { CACHE } from "../registry.ts";
import { ROOT } from "../runtime_command.ts";
import { sourceFiles } from "../source_files.ts";

/** A piece of code in the documentation. */
export interface Snippet {
  /** The file that it stands in, from the root, and its line there. */
  place: string;
  /** The code. */
  code: string;
  /** Whether it is a program that can be run here: it imports something and is not marked `no-run`. */
  runs: boolean;
}

const FENCE = /^```(?:ts|typescript)\b([^\n]*)\n([\s\S]*?)^```/gm;

/**
 * Finds fenced TypeScript blocks. A block marked `ignore` is left out.
 *
 * @param markdown The text.
 * @param place Its file, for the snippets' places.
 * @param firstLine The line of the file that the text starts in.
 */
export function findSnippets(markdown: string, place: string, firstLine = 1): Snippet[] {
  const found: Snippet[] = [];
  for (const { index, 1: marks = "", 2: code = "" } of markdown.matchAll(FENCE)) {
    if (/\bignore\b/.test(marks)) continue;
    const line = firstLine + markdown.slice(0, index).split("\n").length - 1;
    const runs = /^import\b/m.test(code) && !/\bno-run\b/.test(marks);
    found.push({ place: `${place}:${line}`, code, runs });
  }
  return found;
}

/** Finds the snippets in the documentation comments of a TypeScript source. */
export function findCommentSnippets(source: string, place: string): Snippet[] {
  return [...source.matchAll(/\/\*\*[\s\S]*?\*\//g)].flatMap(({ 0: comment, index }) => {
    const text = comment.replaceAll(/^[ \t]*\/?\*+\/?[ \t]?/gm, "");
    return findSnippets(text, place, source.slice(0, index).split("\n").length);
  });
}

/** Whether users can reach a source: names that start with an underscore are internal. */
function isPublic(path: string): boolean {
  return !path.split(/[\\/]/).some((part) => part.startsWith("_"));
}

/** All snippets of README, docs and public sources. */
export function allSnippets(): Snippet[] {
  const docs = existsSync(join(ROOT, "docs"))
    ? readdirSync(join(ROOT, "docs"), { recursive: true, encoding: "utf8" }).map((name) =>
      join("docs", name)
    )
    : [];
  const pages = [...readdirSync(ROOT), ...docs].filter((name) => name.endsWith(".md")).sort();
  const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");
  const sources = [...sourceFiles("src"), join(ROOT, "mod.ts")].map((path) => relative(ROOT, path));
  return [
    ...pages.flatMap((page) => findSnippets(read(page), page)),
    ...sources.filter((path) => isPublic(path) && existsSync(join(ROOT, path)))
      .flatMap((path) => findCommentSnippets(read(path), path)),
  ];
}

/**
 * Lets a program connect to the server that it is given instead of the one that it names: to `NATS_URL` rather than to
 * the default address.
 */
export function useTestServer(code: string): string {
  const url = 'process.env["NATS_URL"]!';
  const changed = code
    .replaceAll(/"(?:nats:\/\/)?(?:127\.0\.0\.1|localhost):4222"/g, url)
    .replaceAll(/\bconnect\(\)/g, `connect({ servers: ${url} })`)
    .replaceAll(/\bconnect\(\{(?![^}]*\bservers\b)/g, `connect({ servers: ${url},`);
  // On the first line, so that line numbers stay.
  return changed === code ? code : `import process from "node:process"; ${changed}`;
}

/** Where the snippets are written to. */
const FOLDER: string = join(CACHE, "snippets");

/** Writes snippets as files, so that they can be checked and run; returns their paths in the same order. */
export function writeSnippets(snippets: readonly Snippet[]): string[] {
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER, { recursive: true });
  return snippets.map(({ place, code }) => {
    const path = join(FOLDER, `${place.replaceAll(/[^\w.]+/g, "_")}.ts`);
    // An export makes it a module, with names and a top-level await of its own.
    writeFileSync(path, `${useTestServer(code)}\nexport {};\n`);
    return path;
  });
}
