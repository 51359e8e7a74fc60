import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { ROOT } from "../../tools/runtime_command.ts";
import { fromRoot, resolveImport, withoutComments } from "./_imports.ts";

const ENTRIES = [
  "src/chunked/mod.ts",
  "src/objects/mod.ts",
  "src/kv/mod.ts",
  "src/testing/mod.ts",
  "src/adapters/deno.ts",
  "src/adapters/node.ts",
  "src/adapters/bun.ts",
  "src/adapters/browser.ts",
];

/** What an entry offers: itself, and the files that it re-exports from, but for those of the errors themselves. */
function offered(entry: string): string[] {
  const code = withoutComments(readFileSync(entry, "utf8"));
  const sources = [...code.matchAll(/^export\s[^;]*?\sfrom\s+"(\.[^"]+)"/gm)]
    .map(([, specifier]) => resolveImport(entry, specifier!))
    .filter((file) => !fromRoot(file).startsWith("src/errors"));
  return [entry, ...sources];
}

/** The names in an entry's `export { … } from "….errors.ts"`. */
function exportedErrors(entry: string): string[] {
  const code = withoutComments(readFileSync(entry, "utf8"));
  const [, names = ""] = /^export \{([^}]*)\} from "[^"]*\/errors\.ts"/m.exec(code) ?? [];
  return names.split(",").map((name) => name.trim());
}

test("every entry re-exports the error classes that its functions say they throw", () => {
  const missing: string[] = [];
  let count = 0;
  for (const entry of ENTRIES) {
    const exported = exportedErrors(join(ROOT, entry));
    for (const file of offered(join(ROOT, entry))) {
      for (const [, kinds] of readFileSync(file, "utf8").matchAll(/@throws \{([^}]+)\}/g)) {
        for (const kind of kinds!.split("|").map((name) => name.trim())) {
          if (/^(Type|Range)?Error$/.test(kind)) continue;
          count++;
          if (!exported.includes(kind)) missing.push(`${entry}: ${kind} of ${fromRoot(file)}`);
        }
      }
    }
  }
  assert(count > 20, `only ${count} were found`);
  assertEquals(missing, []);
});
