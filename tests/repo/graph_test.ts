import { join } from "node:path";
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { runProgram } from "../../tools/checks/process.ts";
import { npmImports, readDenoManifest, writeCached } from "../../tools/registry.ts";
import { ROOT } from "../../tools/runtime_command.ts";
import { fromRoot, reach } from "./_imports.ts";

const deno = readDenoManifest();
const entries = Object.values(deno.exports).map((file) => join(ROOT, file));

/** The name of the package in a bare specifier. */
function packageName(specifier: string): string {
  const parts = specifier.split("/");
  return specifier.startsWith("@") ? parts.slice(0, 2).join("/") : parts[0]!;
}

test("no entry of deno.json reaches an official package on npm, which would bring a second nats-core", () => {
  const wrong: string[] = [];
  for (const entry of entries) {
    for (const [specifier, file] of reach(entry).packages) {
      if (specifier.startsWith("node:")) continue;
      const target = /^(npm|jsr):/.test(specifier)
        ? specifier
        : deno.imports[packageName(specifier)];
      if (target === undefined) wrong.push(`${file}: deno.json does not know ${specifier}`);
      else if (/^npm:\/?@nats-io\//.test(target)) wrong.push(`${file}: ${specifier} is ${target}`);
    }
  }
  assertEquals(wrong, []);
});

test("no entry of deno.json reaches a file that is not published", () => {
  const hidden = new Set(deno.publish.exclude ?? []);
  const reached = entries.flatMap((entry) => [...reach(entry).files].map(fromRoot));
  assert(reached.includes("mod.ts"), "the graph of mod.ts was not read");
  assertEquals(reached.filter((file) => hidden.has(file) || !/^(mod\.ts$|src\/)/.test(file)), []);
});

test("mod.ts reaches no transport, no adapter and no built-in module of a runtime", () => {
  const { files, packages } = reach(join(ROOT, "mod.ts"));
  assert(files.size > 10, `only ${files.size} files were found`);
  const wrong = [...packages].filter(([name]) => /^node:|transport/.test(name));
  assertEquals(wrong, []);
  const adapters = [...files].map(fromRoot).filter((file) => /^src\/adapters\/[^_]/.test(file));
  assertEquals(adapters, []);
});

test("deno task, without JSR, resolves exactly one nats-core", async () => {
  const map = writeCached("graph_test_map.json", { imports: npmImports() });
  const found = new Set<string>();
  for (const entry of [...entries, join(ROOT, "src", "adapters", "node.ts")]) {
    const options = [`--import-map=${map}`, "--node-modules-dir=none"];
    const { code, output } = await runProgram(Deno.execPath(), [
      "info",
      "--json",
      ...options,
      entry,
    ]);
    assertEquals(code, 0, output);
    const json = output.slice(output.indexOf("{"), output.lastIndexOf("}") + 1);
    const { npmPackages } = JSON.parse(json) as {
      npmPackages: Record<string, { name: string; version: string }>;
    };
    for (const [id, { name }] of Object.entries(npmPackages)) {
      if (name === "@nats-io/nats-core") found.add(id);
    }
  }
  assertEquals(found.size, 1, [...found].join(", "));
});
