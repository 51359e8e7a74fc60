/**
 * Which registry the bare names of `deno.json` come from: JSR as it says there, or npm where JSR does not answer. The
 * import map for npm is made out of `deno.json` and `package.json`, so that no third list of versions exists.
 *
 * @module
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { ROOT } from "./runtime_command.ts";

/** Where the packages come from. */
export type Registry = "jsr" | "npm";

/** The part of `deno.json` that the tools read. */
export interface DenoManifest {
  /** The name on JSR. */
  name: string;
  /** The version, the same as in `package.json`. */
  version: string;
  /** Entry points and their files. */
  exports: Record<string, string>;
  /** Bare names and where they come from. */
  imports: Record<string, string>;
  /** The settings of the compiler, for `tsc` too. */
  compilerOptions: Record<string, unknown>;
  /** What is published. */
  publish: { include: string[]; exclude?: string[] };
}

/** The part of `package.json` that the tools read. */
export interface NpmManifest {
  /** The name on npm. */
  name: string;
  /** The version, the same as in `deno.json`. */
  version: string;
  /** Entry points; a condition leads to a file or to further conditions. */
  exports: Record<string, unknown>;
  /** What is packed. */
  files: string[];
  /** Installed with the package. */
  dependencies?: Record<string, string>;
  /** Installed beside the package, once for all who use them. */
  peerDependencies: Record<string, string>;
  /** Which peers may be missing. */
  peerDependenciesMeta?: Record<string, { optional?: boolean }>;
  /** Needed to work on the package. */
  devDependencies: Record<string, string>;
}

/** JSR packages that npm does not have, and what stands in for them. */
const STAND_INS: Record<string, string> = {
  "@nats-io/transport-deno": "./tools/transport_deno.ts",
};

/** Longest wait for an answer from JSR, in milliseconds. */
const PROBE_TIMEOUT = 2_000;

function readJson<T>(...path: string[]): T {
  return JSON.parse(readFileSync(join(ROOT, ...path), "utf8"));
}

/** Reads `deno.json`. */
export function readDenoManifest(): DenoManifest {
  return readJson("deno.json");
}

/** Reads `package.json`. */
export function readNpmManifest(): NpmManifest {
  return readJson("package.json");
}

function fileUrl(path: string): string {
  return pathToFileURL(join(ROOT, path)).href;
}

/** Where npm has `name`: an `npm:` specifier, or the `file:` URL of a local stand-in. */
function npmTarget(name: string, versions: Record<string, string>): string {
  const standIn = STAND_INS[name];
  if (standIn !== undefined) return fileUrl(standIn);
  const version = versions[name];
  if (version === undefined) throw new Error(`deno.json imports ${name}: package.json lacks it`);
  if (version.startsWith("npm:")) return version;
  if (!version.startsWith("file:")) return `npm:${name}@${version}`;
  const folder = version.slice("file:".length);
  const { exports } = readJson<{ exports: string }>(folder, "package.json");
  return fileUrl(join(folder, exports));
}

/**
 * The import map that resolves from npm what `deno.json` resolves from JSR, subpaths included, and the names of this
 * package to its own files.
 *
 * @returns Names and where they come from.
 * @throws {Error} Where `package.json` does not know a package of `deno.json`.
 */
export function npmImports(): Record<string, string> {
  const deno = readDenoManifest();
  const npm = readNpmManifest();
  const versions = { ...npm.devDependencies, ...npm.peerDependencies, ...npm.dependencies };
  const targets: Record<string, string> = {};
  for (const name of Object.keys({ ...npm.dependencies, ...npm.peerDependencies })) {
    targets[name] = npmTarget(name, versions);
  }
  for (const [name, target] of Object.entries(deno.imports)) {
    targets[name] = target.startsWith("jsr:") ? npmTarget(name, versions) : target;
  }
  return { ...withSubpaths(targets), ...ownImports() };
}

/**
 * Adds the entries for subpaths, such as `@nats-io/nats-core/internal`: an import map wants a trailing slash on both sides
 * and one after the scheme, which `deno.json` does without.
 */
export function withSubpaths(targets: Record<string, string>): Record<string, string> {
  const imports = { ...targets };
  for (const [name, target] of Object.entries(targets)) {
    const [, scheme, rest] = target.match(/^(npm:|jsr:)\/?(.*)$/) ?? [];
    if (scheme !== undefined) imports[`${name}/`] = `${scheme}/${rest}/`;
  }
  return imports;
}

/** The names under which users import this package, and the files behind them. */
export function ownImports(): Record<string, string> {
  const { name, exports } = readDenoManifest();
  return Object.fromEntries(
    Object.entries(exports).map(([entry, file]) => [name + entry.slice(1), fileUrl(file)]),
  );
}

/** The folder for what the tools make; not under version control. */
export const CACHE: string = join(ROOT, ".cache");

/** Writes a file of {@linkcode CACHE} whole or not at all, so that tasks may run side by side; returns its path. */
export function writeCached(name: string, content: unknown): string {
  mkdirSync(CACHE, { recursive: true });
  const path = join(CACHE, name);
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, JSON.stringify(content, null, 2) + "\n");
  renameSync(draft, path);
  return path;
}

/** Why JSR cannot be used, or `undefined` where it answers within two seconds. */
async function jsrFailure(): Promise<string | undefined> {
  const base = process.env["JSR_URL"] ?? "https://jsr.io";
  try {
    const url = new URL("/@nats-io/nats-core/meta.json", base);
    const response = await fetch(url, { signal: AbortSignal.timeout(PROBE_TIMEOUT) });
    await response.body?.cancel();
    return response.ok ? undefined : `JSR answers ${response.status}`;
  } catch (error) {
    const late = error instanceof DOMException && error.name === "TimeoutError";
    return late ? "JSR does not answer within 2 seconds" : "JSR cannot be reached";
  }
}

/**
 * Chooses the registry: the one that `NATSKIT_REGISTRY` names, or JSR if it answers, or npm.
 *
 * @returns The registry, and why it is not JSR.
 * @throws {TypeError} If `NATSKIT_REGISTRY` is neither `jsr` nor `npm`.
 */
export async function chooseRegistry(): Promise<{ registry: Registry; reason?: string }> {
  const wanted = process.env["NATSKIT_REGISTRY"];
  if (wanted === "jsr") return { registry: "jsr" };
  if (wanted === "npm") return { registry: "npm", reason: "NATSKIT_REGISTRY=npm" };
  if (wanted !== undefined && wanted !== "") {
    throw new TypeError(`NATSKIT_REGISTRY is ${JSON.stringify(wanted)}: want "jsr" or "npm"`);
  }
  const reason = await jsrFailure();
  return reason === undefined ? { registry: "jsr" } : { registry: "npm", reason };
}
