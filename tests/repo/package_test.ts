import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { isBuiltin } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { assert, assertEquals } from "@std/assert";
import { type Ended, runNpm, runProgram } from "../../tools/checks/process.ts";
import { ensureRuntime } from "../../tools/checks/set_up.ts";
import { readNpmManifest } from "../../tools/registry.ts";
import { ROOT, runtimeProgram } from "../../tools/runtime_command.ts";

/** The most that the browser bundle may weigh, minified, official packages included, in bytes: measured, and 10 %. */
const BUNDLE_BUDGET = 480_000;

const manifest = readNpmManifest();
const entries = Object.keys(manifest.exports).filter((entry) => entry !== "./package.json")
  .map((entry) => manifest.name + entry.slice(1));

/** The part of esbuild's report that is read. */
interface Metafile {
  inputs: Record<string, { imports: { path: string }[] }>;
  outputs: Record<string, { bytes: number }>;
}

/** An empty project with the packed package, and what a browser user adds. */
const project = realpathSync(mkdtempSync(join(tmpdir(), "natskit-package-")));
/** A project with Node 22 and nothing else. */
const node22 = realpathSync(mkdtempSync(join(tmpdir(), "natskit-node22-")));

function succeed({ code, output }: Ended): string {
  assertEquals(code, 0, output);
  return output;
}

async function install(folder: string, ...packages: string[]): Promise<void> {
  const flags = ["--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error"];
  succeed(await runNpm(["install", ...flags, ...packages], { cwd: folder }));
}

before(async () => {
  for (const folder of [project, node22]) {
    writeFileSync(join(folder, "package.json"), '{ "private": true, "type": "module" }\n');
  }
  const build = join(ROOT, "tools", "build_npm.ts");
  succeed(await runProgram(Deno.execPath(), ["run", "--no-config", "-A", "--quiet", build]));
  succeed(await runNpm(["pack", "--ignore-scripts", `--pack-destination=${project}`]));
  const tarball = `${manifest.name}-${manifest.version}.tgz`;
  await install(
    project,
    `./${tarball}`,
    `@noble/hashes@${manifest.peerDependencies["@noble/hashes"]}`,
  );
});

after(() => {
  for (const folder of [project, node22]) rmSync(folder, { recursive: true, force: true });
});

test("the packed package brings exactly one nats-core, and every other official package once", () => {
  const lock = JSON.parse(readFileSync(join(project, "package-lock.json"), "utf8"));
  const official = Object.keys(lock.packages).filter((path) => path.includes("/@nats-io/"));
  const names = official.map((path) => path.slice(path.lastIndexOf("@nats-io/")));
  assertEquals(names.filter((name) => name === "@nats-io/nats-core").length, 1, names.join(", "));
  assertEquals(names.length, new Set(names).size, official.join(", "));
});

test("the packed package holds what was built, and nothing of the workshop", () => {
  const home = join(project, "node_modules", manifest.name);
  const top = readdirSync(home).sort();
  assertEquals(top, ["CHANGELOG.md", "LICENSE", "README.md", "dist", "package.json"]);
  const files = readdirSync(home, { recursive: true, encoding: "utf8" });
  assertEquals(files.filter((file) => /\.ts$/.test(file) && !/\.d\.ts$/.test(file)), []);
  assertEquals(files.filter((file) => /adapters.deno\./.test(file)), []);
});

/** Imports every entry and prints how many names each exports. */
const IMPORTS = `
for (const entry of ${JSON.stringify(entries)}) {
  const names = Object.keys(await import(entry));
  if (names.length === 0) throw new Error(entry + " exports nothing");
  console.log(entry, names.length);
}`;

async function importEverywhere(program: string): Promise<void> {
  writeFileSync(join(project, "imports.js"), IMPORTS);
  const output = succeed(await runProgram(program, ["imports.js"], { cwd: project }));
  assertEquals(output.trim().split("\n").length, entries.length, output);
}

test("every entry of the packed package imports on Node 22", async () => {
  await install(node22, "node@22");
  await importEverywhere(await ensureRuntime(node22, "node", "v22."));
});

test("every entry of the packed package imports on Node 24", () =>
  importEverywhere(runtimeProgram("node")));

test("every entry of the packed package imports on Bun", () =>
  importEverywhere(runtimeProgram("bun")));

test("the packed package has types for every entry", async () => {
  const lines = entries.flatMap((entry, index) => [
    `import * as entry${index} from "${entry}";`,
    `// @ts-expect-error: it has types, so this name is unknown`,
    `console.log(entry${index}.noSuchName);`,
  ]);
  const call =
    'import { connect } from "natskit";\nconst port: number = (await connect()).info!.port;\n' +
    "console.log(port);\n";
  writeFileSync(join(project, "types.ts"), call + lines.join("\n"));
  const compiler = join(ROOT, "node_modules", "typescript", "bin", "tsc");
  const options = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2023"];
  const types = [
    "--typeRoots",
    join(ROOT, "node_modules", "@types"),
    "--types",
    "node",
    "--skipLibCheck",
  ];
  const args = [compiler, ...options, ...types, "types.ts"];
  succeed(await runProgram(runtimeProgram("node"), args, { cwd: project }));
});

/**
 * Where the official packages name a built-in module that they never load in a browser: `@nats-io/obj` does so for the
 * native hash, which natskit leaves switched off. Bundlers that do not know the scheme `node:` need it as external.
 */
const FOREIGN_BUILT_INS = ["node_modules/@nats-io/obj/lib/sha256.js imports node:crypto"];

test("the main entry bundles for browsers, within its budget and without built-in modules", async () => {
  writeFileSync(
    join(project, "browser.js"),
    'import * as natskit from "natskit";\nconsole.log(natskit);\n',
  );
  const esbuild = pathToFileURL(join(ROOT, "node_modules", "esbuild", "lib", "main.js")).href;
  const script = `
    import esbuild from ${JSON.stringify(esbuild)};
    const { metafile } = await esbuild.build({
      entryPoints: ["browser.js"], outfile: "bundle.js", metafile: true, external: ["node:*"],
      bundle: true, minify: true, format: "esm", platform: "browser", logLevel: "error",
    });
    console.log(JSON.stringify(metafile));`;
  const args = ["--input-type=module", "-e", script];
  const output = succeed(await runProgram(runtimeProgram("node"), args, { cwd: project }));
  const { inputs, outputs } = JSON.parse(output) as Metafile;
  const builtIns = Object.entries(inputs).flatMap(([file, { imports }]) =>
    imports.filter(({ path }) => isBuiltin(path)).map(({ path }) => `${file} imports ${path}`)
  );
  assertEquals(builtIns, FOREIGN_BUILT_INS);
  const files = Object.keys(inputs);
  assert(files.some((file) => file.endsWith("adapters/browser.js")), "its adapter is not in it");
  assertEquals(files.filter((file) => file.includes("transport-")), []);
  const { bytes } = outputs["bundle.js"]!;
  console.log(`the browser bundle has ${bytes} bytes, ${BUNDLE_BUDGET} are allowed`);
  assert(bytes <= BUNDLE_BUDGET, `the bundle has ${bytes} bytes, the budget is ${BUNDLE_BUDGET}`);
  assert(bytes > BUNDLE_BUDGET / 2, `with ${bytes} bytes, the bundle cannot hold everything`);
});
