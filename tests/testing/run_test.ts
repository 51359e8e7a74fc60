import { assert, assertEquals, assertRejects } from "@std/assert";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { isCommandMissing, lastLine, runCommand } from "../../src/testing/_run.ts";
import { evalCommand, isRunning, temporaryFolder, until } from "./_helpers.ts";

const env = process.env;

test("runCommand() gives back the exit code and both outputs", async () => {
  const script = 'process.stdout.write("out"); process.stderr.write("err"); process.exitCode = 3';
  const result = await runCommand(process.execPath, evalCommand(script), { timeout: 30_000, env });
  assertEquals(result, { code: 3, stdout: "out", stderr: "err" });
});

test("runCommand() says that a command is missing", async () => {
  const error = await assertRejects(
    () => runCommand("no-such-command-anywhere", [], { timeout: 1_000, env }),
    Error,
  );
  assertEquals(isCommandMissing(error), true);
});

test("runCommand() ends a command that takes too long, with what it started", async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, "pid");
  const child = JSON.stringify(evalCommand("setInterval(() => {}, 1000)"));
  const script = `const { spawn } = require("node:child_process");
    const child = spawn(process.execPath, ${child}, { stdio: "inherit" });
    require("node:fs").writeFileSync(${JSON.stringify(file)}, child.pid + "\\n");
    setInterval(() => {}, 1000);`;
  const controller = new AbortController();
  const running = runCommand(process.execPath, evalCommand(script), {
    timeout: 60_000,
    env,
    signal: controller.signal,
  });
  const settled = running.then(() => null, (error) => error);
  await until(
    "the grandchild runs",
    () => existsSync(file) && readFileSync(file, "utf8").endsWith("\n"),
  );
  const pid = Number(readFileSync(file, "utf8"));
  assert(isRunning(pid));
  const reason = new Error("enough");
  controller.abort(reason);
  assertEquals(await settled, reason);
  await until("the grandchild is gone", () => !isRunning(pid));
});

test("runCommand() is bounded in time", async () => {
  const started = Date.now();
  await assertRejects(
    () =>
      runCommand(process.execPath, evalCommand("setInterval(() => {}, 1000)"), {
        timeout: 200,
        env,
      }),
    Error,
    "did not finish within 200 ms",
  );
  assert(Date.now() - started < 3_000);
});

test("lastLine() finds the last line that says something", () => {
  assertEquals(lastLine({ code: 1, stdout: "first", stderr: "a\nERROR: b\n \n" }), "ERROR: b");
  assertEquals(lastLine({ code: 1, stdout: "", stderr: "" }), "no output");
});
