import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type Ended, runProgram } from "../../tools/checks/process.ts";
import { explainMissing, isUnreachable } from "../../tools/missing_packages.ts";
import { readDenoManifest } from "../../tools/registry.ts";
import { ROOT } from "../../tools/runtime_command.ts";

/** What Deno 2.9 prints when the registries cannot be reached, and when the code is wrong. */
const NO_JSR =
  `error: JSR package manifest for '@nats-io/nats-core' failed to load. Import 'http://127.0.0.1:9/@nats-io/nats-core/meta.json' failed.
    at file:///src/_trouble.ts:6:45
`;
const NO_NPM =
  `error: Failed loading http://127.0.0.1:9/@nats-io%2fnats-core for package "@nats-io/nats-core"
    0: error sending request for url (http://127.0.0.1:9/@nats-io%2fnats-core): client error (Connect): tcp connect error: Connection refused (os error 111)
    at file:///b.ts:1:23
`;
const NO_NAME = `error: Failed loading http://none.invalid/fast-check for package "fast-check"
    0: error sending request for url (http://none.invalid/fast-check): client error (Connect): dns error: failed to lookup address information: Name or service not known
    at file:///b.ts:1:23
`;
const WRONG_CODE = [
  "error: SyntaxError: Unexpected token `=`. Expected an identifier, void, yield, null, await\n    at file:///c.ts:1:10\n",
  'error: Module not found "file:///nofile.ts".\n    at file:///e.ts:1:8\n',
];

test("isUnreachable() tells a missing network from wrong code", () => {
  assertEquals([NO_JSR, NO_NPM, NO_NAME].map(isUnreachable), [true, true, true]);
  assertEquals(WRONG_CODE.map(isUnreachable), [false, false]);
});

test("explainMissing() names what is missing, all that is needed, and how to provide it", () => {
  const cases = [[NO_JSR, "@nats-io/nats-core"], [NO_NPM, "@nats-io/nats-core"], [
    NO_NAME,
    "fast-check",
  ]] as const;
  for (const [report, name] of cases) {
    const [first, second, ...ways] = explainMissing(report, "JSR cannot be reached").split("\n");
    assertEquals(
      first,
      `Cannot get ${name}: JSR cannot be reached, and Deno's cache lacks it.`,
    );
    for (const needed of Object.keys(readDenoManifest().imports)) {
      assertStringIncludes(second!, needed);
    }
    assertEquals(ways.length, 3);
    for (const way of ["with a network", "NPM_CONFIG_REGISTRY", "DENO_DIR"]) {
      assert(ways.some((each) => each.includes(way)), `it does not speak of ${way}`);
    }
  }
});

/** Chooses the registry in a process of its own, as a task does, and prints the choice and how long it took. */
function choose(env: Record<string, string>): Promise<Ended> {
  const registry = pathToFileURL(join(ROOT, "tools", "registry.ts")).href;
  const code = `import { chooseRegistry } from ${JSON.stringify(registry)};
    const startedAt = performance.now();
    const choice = await chooseRegistry();
    console.log(JSON.stringify({ ...choice, ms: performance.now() - startedAt }));
    Deno.exit();`;
  return runProgram(Deno.execPath(), ["eval", "--no-config", code], {
    env: { NATSKIT_REGISTRY: "", ...env },
    timeout: 30_000,
  });
}

/** A port that takes connections and says nothing. */
async function startSilence(): Promise<{ url: string } & AsyncDisposable> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}/`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test("chooseRegistry() falls back to npm within about two seconds when JSR is silent", async () => {
  await using silence = await startSilence();
  const { code, output } = await choose({ JSR_URL: silence.url });
  assertEquals(code, 0, output);
  const { ms, ...choice } = JSON.parse(output) as { ms: number };
  assertEquals(choice, { registry: "npm", reason: "JSR does not answer within 2 seconds" });
  assert(ms > 1_900 && ms < 4_000, `it took ${ms} ms, wanted are about 2,000`);
});

test("chooseRegistry() does not wait when JSR refuses, and asks nobody when it is told", async () => {
  await using silence = await startSilence();
  const refused = await choose({ JSR_URL: "http://127.0.0.1:9/" });
  assertStringIncludes(refused.output, '"registry":"npm","reason":"JSR cannot be reached"');
  const told = await choose({ JSR_URL: silence.url, NATSKIT_REGISTRY: "jsr" });
  const { ms, ...choice } = JSON.parse(told.output) as { ms: number };
  assertEquals(choice, { registry: "jsr" });
  assert(ms < 1_000, `it took ${ms} ms, although nobody was to be asked`);
});

test("deno task says in one line that packages come from npm when JSR is silent", async () => {
  await using silence = await startSilence();
  const task = join(ROOT, "tools", "task.ts");
  const args = ["run", "--no-config", "-A", "--quiet", task, "bench", "--help"];
  const { code, output } = await runProgram(Deno.execPath(), args, {
    env: { NATSKIT_REGISTRY: "", NATSKIT_IMPORT_MAP: "", JSR_URL: silence.url },
    timeout: 120_000,
  });
  assertEquals(code, 0, output);
  const lines = output.split("\n").filter((line) => /JSR|npm/.test(line));
  assertEquals(lines, [
    "JSR does not answer within 2 seconds: packages come from npm, with transport-node on Deno",
  ]);
});
