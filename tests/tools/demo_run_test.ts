import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { after, before, test } from "node:test";
import { assertEquals, assertStringIncludes } from "@std/assert";
import { createPayload } from "../../bench/payload.ts";
import { scriptCommand } from "../../tools/runtime_command.ts";

/** The longest that the temporary folder may take to be empty again, in milliseconds. */
const TIDY_WITHIN = 15_000;

let folder: string;
/** Where the demo's server puts its files. */
let temporary: string;

before(() => {
  folder = mkdtempSync(join(tmpdir(), "natskit-demo-run-"));
  temporary = join(folder, "temporary");
  mkdirSync(temporary);
});

after(() => rmSync(folder, { recursive: true, force: true }));

interface Demo {
  child: ChildProcess;
  /** Resolves when the output holds the words. */
  saying(words: string): Promise<void>;
  /** The exit code, and all that was printed. */
  ended: Promise<{ code: number | null; output: string }>;
}

function startDemo(file: string): Demo {
  const script = new URL("../../tools/demo.ts", import.meta.url);
  const { command, args } = scriptCommand(script, [file]);
  const env = { ...process.env, TMPDIR: temporary, TEMP: temporary, TMP: temporary };
  const child = spawn(command, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let heard = (): void => {};
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (text) => {
      output += text;
      heard();
    });
  }
  const ended = new Promise<{ code: number | null; output: string }>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, output }));
  });
  const saying = (words: string): Promise<void> =>
    new Promise((resolve, reject) => {
      heard = () => output.includes(words) && resolve();
      heard();
      void ended.then(() => reject(new Error(`the demo ended without "${words}":\n${output}`)));
    });
  return { child, saying, ended };
}

/** What is left in the temporary folder once it is empty, or when the time is over. */
async function leftovers(): Promise<string[]> {
  for (const until = Date.now() + TIDY_WITHIN; Date.now() < until;) {
    if (readdirSync(temporary).length === 0) return [];
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return readdirSync(temporary);
}

test("demo moves a file in every way, compares every digest, and leaves nothing behind", async () => {
  const file = join(folder, "a file.bin");
  writeFileSync(file, createPayload(3_000_001));
  const { code, output } = await startDemo(file).ended;
  assertEquals(code, 0, output);
  const rows = output.split("\n").map((line) => line.trim().split(/ {2,}/));
  const found = rows.filter((row) => row.length === 5).map(([what, bytes, , , good]) => [
    what,
    bytes,
    good,
  ]);
  assertEquals(found.filter(([what]) => what !== "what" && what !== "key-value").slice(-4), [
    ["core NATS", "3000001", "yes"],
    ["JetStream", "3000001", "yes"],
    ["object store, store", "3000001", "yes"],
    ["object store, fetch", "3000001", "yes"],
  ]);
  assertStringIncludes(output, "Every digest matches.");
  assertEquals(await leftovers(), []);
});

test("demo ends with one line when the file is not there", async () => {
  const { code, output } = await startDemo(join(folder, "none")).ended;
  assertEquals(code, 1);
  assertEquals(output.trim(), `demo: there is no file ${JSON.stringify(join(folder, "none"))}`);
});

test("demo leaves nothing behind when it is interrupted", async () => {
  const file = join(folder, "large.bin");
  writeFileSync(file, createPayload(300_000_000));
  const { child, saying, ended } = startDemo(file);
  await saying("each in a process of its own");
  // Not child.kill(): after it, Deno reports no exit code.
  process.kill(child.pid!, "SIGINT");
  const { code, output } = await ended;
  assertEquals(await leftovers(), []);
  // Windows knows no interruption: there the process is ended at once.
  if (process.platform === "win32") return;
  assertEquals(code, 130, output);
  assertStringIncludes(output, "demo: ended by SIGINT");
});
