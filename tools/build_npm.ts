/**
 * Builds the npm package into `dist/`: JavaScript and declarations by `tsc`, no bundler. What `package.json` exports is
 * what is built, and `deno.json` has the compiler options, so that there is no second list of either.
 *
 * @module
 */
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { readDenoManifest, readNpmManifest, writeCached } from "./registry.ts";
import { ROOT, runtimeProgram } from "./runtime_command.ts";
import { runProgram } from "./checks/process.ts";

const DIST: string = join(ROOT, "dist");

/** The sources behind every file that an entry point leads to. */
function entryFiles(): string[] {
  const exports = JSON.stringify(readNpmManifest().exports);
  const built = [...exports.matchAll(/"\.\/dist\/([^"]+?)(?:\.d\.ts|\.js)"/g)];
  return [...new Set(built.map(([, path]) => join(ROOT, `${path}.ts`)))];
}

/** Writes the settings for `tsc`; returns their path. */
function writeSettings(files: readonly string[]): string {
  const { lib: _, ...options } = readDenoManifest().compilerOptions;
  return writeCached("tsconfig.build.json", {
    compilerOptions: {
      ...options,
      // Node 22 has no `using`, which tsc rewrites for this target.
      target: "es2023",
      lib: ["esnext", "dom", "dom.iterable", "dom.asynciterable"],
      types: ["node"],
      typeRoots: [join(ROOT, "node_modules", "@types")],
      module: "nodenext",
      rewriteRelativeImportExtensions: true,
      declaration: true,
      skipLibCheck: true,
      noEmitOnError: true,
      rootDir: ROOT,
      outDir: DIST,
    },
    files,
  });
}

async function main(): Promise<void> {
  const files = entryFiles();
  const missing = files.filter((file) => !existsSync(file));
  if (missing.length > 0) throw new Error(`package.json exports what is not there: ${missing}`);
  rmSync(DIST, { recursive: true, force: true });
  const settings = writeSettings(files);
  const compiler = join(ROOT, "node_modules", "typescript", "bin", "tsc");
  const { code, output } = await runProgram(runtimeProgram("node"), [compiler, "-p", settings]);
  if (code !== 0) throw new Error(`tsc failed:\n${output}`);
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
