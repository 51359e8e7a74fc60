/**
 * The checks that run no code: format, lint, types, documentation, and what both registries would be given.
 *
 * @module
 */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { npmImports, readDenoManifest } from "../registry.ts";
import { denoOptions, ROOT } from "../runtime_command.ts";
import { sourceFiles } from "../source_files.ts";
import { runNpm, runProgram, tail } from "./process.ts";
import { check, type Step } from "./tally.ts";

const DENO: string = Deno.execPath();

/** The settings for `deno lint` and `deno publish`, which take no import map. */
const SETTINGS: string = join(ROOT, "deno.check.json");

/**
 * Entry points that only npm users get: what they import comes from npm alone. `tsc` checks their types in any case, when
 * the npm package is built.
 */
const NPM_ONLY: readonly string[] = ["node.ts", "bun.ts"].map((name) =>
  join(ROOT, "src", "adapters", name)
);

async function failure(command: string, args: string[]): Promise<string | undefined> {
  const { code, output } = await runProgram(command, args);
  return code === 0 ? undefined : tail(output);
}

/** Writes {@linkcode SETTINGS}: `deno.json`, but with npm packages from Deno's cache, and from npm where JSR is away. */
function writeSettings(): void {
  const manifest = readDenoManifest();
  let imports = manifest.imports;
  if (process.env["NATSKIT_REGISTRY"] === "npm") {
    imports = npmImports();
    // The local stand-in would count as a file of the package that is not published.
    imports["@nats-io/transport-deno"] = imports["@nats-io/transport-node"]!;
  }
  const settings = { ...manifest, imports, nodeModulesDir: "none" };
  writeFileSync(SETTINGS, JSON.stringify(settings, null, 2) + "\n");
}

/** Type-checks every file; where the packages come from JSR, all but those that only npm users get. */
function checkTypes(): Promise<string | undefined> {
  const fromNpm = process.env["NATSKIT_REGISTRY"] === "npm";
  const files = sourceFiles().filter((path) => fromNpm || !reachesNpmTransport(path));
  return failure(DENO, ["check", "--quiet", ...denoOptions(), ...files]);
}

function reachesNpmTransport(path: string): boolean {
  return NPM_ONLY.includes(path) || path === join(ROOT, "tools", "transport_deno.ts");
}

/**
 * Picks the complaints of `deno doc --lint` about this repository. Left out are those about other packages: about their
 * files, and about their types, which Deno takes for unpublished types of this package where they come from npm.
 *
 * @param output What Deno printed.
 * @param root The root folder.
 * @param ownTypes The names of the types that this package declares.
 */
export function ownComplaints(output: string, root: string, ownTypes: Set<string>): string[] {
  const blocks = output.split(/^(?=error\[)/m).filter((block) => block.startsWith("error["));
  return blocks.filter((block) => {
    const file = block.match(/^\s*--> (.*?):\d+:\d+$/m)?.[1] ?? "";
    if (!file.startsWith(root) || file.includes("node_modules")) return false;
    const type = block.match(/references private type '([^'.<]+)/)?.[1];
    return type === undefined || ownTypes.has(type);
  });
}

/** The names of all types that the sources declare. */
function declaredTypes(): Set<string> {
  const declaration = /^(?:export )?(?:abstract )?(?:interface|type|class|enum) (\w+)/gm;
  const texts = sourceFiles("src").map((path) => readFileSync(path, "utf8"));
  return new Set(texts.flatMap((text) => [...text.matchAll(declaration)].map(([, name]) => name!)));
}

async function checkDocumentation(): Promise<string | undefined> {
  const fromNpm = process.env["NATSKIT_REGISTRY"] === "npm";
  const entries = [...Object.values(readDenoManifest().exports), ...(fromNpm ? NPM_ONLY : [])];
  const { code, output } = await runProgram(DENO, ["doc", "--lint", ...denoOptions(), ...entries]);
  const complaints = ownComplaints(output, ROOT, declaredTypes());
  if (complaints.length > 0) return complaints.join("");
  return code === 0 || output.includes("documentation lint error") ? undefined : tail(output);
}

async function checkPublish(): Promise<string | undefined> {
  const options = ["--dry-run", "--allow-dirty", `--config=${SETTINGS}`];
  const { code, output } = await runProgram(DENO, ["publish", ...options]);
  if (code !== 0) return tail(output);
  const wanted = ["LICENSE", "README.md", "CHANGELOG.md", "mod.ts"];
  const missing = wanted.filter((name) => !output.includes(`/${name} (`));
  if (missing.length > 0) return `not in what would be published: ${missing.join(", ")}`;
  const stray = output.match(/\/(tests|tools|bench|examples|node_modules)\/.* \(/)?.[0];
  return stray === undefined ? undefined : `published by mistake: ${stray}`;
}

/** Builds the npm package into `dist/` and lists what would be packed. */
async function checkPack(): Promise<string | undefined> {
  const build = join(ROOT, "tools", "build_npm.ts");
  const problem = await failure(DENO, ["run", "--no-config", "-A", "--quiet", build]);
  if (problem !== undefined) return problem;
  const { code, output } = await runNpm(["pack", "--dry-run", "--json", "--ignore-scripts"]);
  if (code !== 0) return tail(output);
  const stray = output.match(/"path": "((?:src|tests|tools|bench|examples)\/[^"]*)"/)?.[1];
  if (stray !== undefined) return `packed by mistake: ${stray}`;
  const wanted = ["LICENSE", "README.md", "CHANGELOG.md", "dist/mod.js", "dist/mod.d.ts"];
  const missing = wanted.filter((name) => !output.includes(`"path": "${name}"`));
  return missing.length === 0 ? undefined : `not in the package: ${missing.join(", ")}`;
}

/** The checks, each a step of its own. */
export function staticChecks(): Step[] {
  writeSettings();
  return [
    check("types", checkTypes),
    check("format", () => failure(DENO, ["fmt", "--check"])),
    check("lint", () => failure(DENO, ["lint", "--quiet", `--config=${SETTINGS}`])),
    check("documentation of every entry point", checkDocumentation),
    check("npm package: build and pack", checkPack),
    check("jsr package: publish --dry-run", checkPublish),
  ];
}

/** Removes what the checks wrote beside the sources. */
export function tidyUp(): void {
  rmSync(SETTINGS, { force: true });
}
