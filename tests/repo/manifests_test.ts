import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { npmImports, readDenoManifest, readNpmManifest } from "../../tools/registry.ts";
import { ROOT } from "../../tools/runtime_command.ts";

const deno = readDenoManifest();
const npm = readNpmManifest();

test("deno.json and package.json have the same version and the names of one project", () => {
  assertEquals(npm.version, deno.version);
  assertEquals([npm.name, deno.name], ["natskit", "@natskit/natskit"]);
});

test("CHANGELOG.md speaks of the version of the manifests", () => {
  const changes = readFileSync(join(ROOT, "CHANGELOG.md"), "utf8");
  const newest = changes.match(/^## \[?(\d+\.\d+\.\d+)/m)?.[1];
  assertEquals(newest, deno.version);
});

test("the entry points differ only in the adapters that one registry lacks", () => {
  const denoEntries = Object.keys(deno.exports);
  const npmEntries = Object.keys(npm.exports).filter((entry) => entry !== "./package.json");
  const onlyOn = (left: string[], right: string[]): string[] =>
    left.filter((entry) => !right.includes(entry)).sort();
  assertEquals(onlyOn(denoEntries, npmEntries), ["./deno"]);
  assertEquals(onlyOn(npmEntries, denoEntries), ["./bun", "./node"]);
});

test("the entry points of both manifests lead to the same sources", () => {
  for (const [entry, file] of Object.entries(deno.exports)) {
    if (entry === "./deno") continue;
    assert(existsSync(join(ROOT, file)), `${entry} leads to ${file}, which is not there`);
    const target = npm.exports[entry] as Record<string, string>;
    const built = file.replace("./", "./dist/").replace(/\.ts$/, "");
    assertEquals([target["types"], target["default"]], [`${built}.d.ts`, `${built}.js`], entry);
  }
});

test("package.json names types first and the default last, so that the conditions are seen", () => {
  for (const [entry, target] of Object.entries(npm.exports)) {
    if (typeof target === "string") continue;
    const conditions = Object.keys(target as Record<string, string>);
    assertEquals([conditions[0], conditions.at(-1)], ["types", "default"], entry);
  }
});

test("packages that both manifests name have the same range", () => {
  const peersAndTools = { ...npm.devDependencies, ...npm.peerDependencies };
  const shared = Object.entries(deno.imports).filter(([name]) => name in peersAndTools);
  const differing = shared.filter(([name]) => !peersAndTools[name]!.startsWith("file:"))
    .filter(([name, target]) => !target.endsWith(`${name}@${peersAndTools[name]}`))
    .map(([name, target]) => `${name}: ${target} and ${peersAndTools[name]}`);
  assert(shared.length >= 5, `only ${shared.length} shared packages were found`);
  assertEquals(differing, []);
});

test("the official packages are peers with one range, because they pin each other", () => {
  const official = Object.entries(npm.peerDependencies)
    .filter(([name]) => name.startsWith("@nats-io/") && name !== "@nats-io/nkeys");
  assertEquals(new Set(official.map(([, range]) => range)).size, 1);
  const names = Object.keys(npm.dependencies ?? {}).filter((name) => name.startsWith("@nats-io/"));
  assertEquals(names, [], "an official package that is not a peer would be installed twice");
});

test("a peer that may be missing is a peer, and is there for the tests", () => {
  for (const name of Object.keys(npm.peerDependenciesMeta ?? {})) {
    assertEquals(npm.devDependencies[name], npm.peerDependencies[name], name);
  }
});

test("npmImports() resolves every name of deno.json without JSR", () => {
  const imports = npmImports();
  for (const name of Object.keys(deno.imports)) {
    const target = imports[name];
    assert(target !== undefined && /^(npm|file):/.test(target), `${name} resolves to ${target}`);
  }
  assertEquals(
    imports["@nats-io/nats-core/"],
    imports["@nats-io/nats-core"]!.replace("npm:", "npm:/") + "/",
  );
});

test("lock files name no address of a registry", () => {
  const locks = readdirSync(ROOT).filter((name) => /lock/.test(name));
  assert(locks.includes("package-lock.json"), "package-lock.json is not there");
  for (const lock of locks) {
    const addresses = readFileSync(join(ROOT, lock), "utf8").match(/https?:\/\/[^"]*/g) ?? [];
    assertEquals(addresses.filter((address) => /\.tgz|registry|npmjs/.test(address)), [], lock);
  }
});

test(".ci/run can be executed", () => {
  const { mode } = statSync(join(ROOT, ".ci", "run"));
  // Windows has no such bit.
  assert(
    Deno.build.os === "windows" || (mode & 0o111) === 0o111,
    `its mode is ${mode.toString(8)}`,
  );
});
