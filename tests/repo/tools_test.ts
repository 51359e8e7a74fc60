import { test } from "node:test";
import { assertEquals, assertStringIncludes } from "@std/assert";
import { runProgram } from "../../tools/checks/process.ts";
import { findCommentSnippets, findSnippets, useTestServer } from "../../tools/checks/snippets.ts";
import { ownComplaints } from "../../tools/checks/static_checks.ts";
import { judge, readJunit } from "../../tools/checks/suites.ts";
import { check, runSteps } from "../../tools/checks/tally.ts";

const DENO_REPORT = `<testsuites>
  <testcase name="plain" classname="a_test.ts"></testcase>
  <testcase name="suite" classname="a_test.ts"><failure message="1 test step failed"></failure></testcase>
  <testcase name="skipped &amp; gone" classname="a_test.ts"><skipped/></testcase>
  <testcase name="suite &gt; good"></testcase>
  <testcase name="suite &gt; bad"><failure message="no">no</failure></testcase>
</testsuites>`;

test("readJunit() reads every test once and leaves out suites", () => {
  assertEquals(readJunit(DENO_REPORT), [
    { name: "plain", state: "passed" },
    { name: "skipped & gone", state: "skipped" },
    { name: "suite > good", state: "passed" },
    { name: "suite > bad", state: "failed" },
  ]);
});

test("judge() counts a skipped test as failed and names it", () => {
  const { passed, failed, details } = judge(DENO_REPORT, 1, "a_test.ts");
  assertEquals([passed, failed], [2, 2]);
  assertStringIncludes(details!, "skipped & gone");
});

test("judge() fails a run without a test, with or without a report", () => {
  const empty = '<testsuites><testcase name="tests/a_test.ts"/></testsuites>';
  for (const xml of ["", "<testsuites></testsuites>", empty]) {
    const { passed, failed } = judge(xml, 0, "tests/a_test.ts");
    assertEquals([passed, failed], [0, 1], xml);
  }
});

test("judge() fails a run that ends badly although its tests passed", () => {
  const { passed, failed } = judge('<testcase name="a"/>', 134, "a_test.ts");
  assertEquals([passed, failed], [1, 1]);
});

test("findSnippets() tells programs from fragments and leaves out what is marked", () => {
  const page = [
    "# Page",
    "```ts",
    'import { a } from "b";',
    "```",
    "```ts no-run",
    'import { c } from "d";',
    "```",
    "```ts",
    "const e = 1;",
    "```",
    "```ts ignore",
    "f(",
    "```",
    "```sh",
    "g",
    "```",
  ].join("\n");
  assertEquals(findSnippets(page, "p.md").map(({ place, runs }) => [place, runs]), [
    ["p.md:2", true],
    ["p.md:5", false],
    ["p.md:8", false],
  ]);
});

test("findCommentSnippets() finds an example in its comment, at its line", () => {
  const source =
    "const x = 1;\n/**\n * Does it.\n *\n * @example Once\n * ```ts\n * it();\n * ```\n */\n";
  assertEquals(findCommentSnippets(source, "s.ts"), [
    { place: "s.ts:6", code: "it();\n", runs: false },
  ]);
});

test("useTestServer() lets every way to connect lead to NATS_URL", () => {
  const url = 'process.env["NATS_URL"]!';
  const ways = [
    "connect()",
    'connect({ servers: "nats://127.0.0.1:4222" })',
    'connect({ servers: "localhost:4222" })',
  ];
  for (const way of ways) assertStringIncludes(useTestServer(way), `connect({ servers: ${url} })`);
  assertStringIncludes(useTestServer('connect({\n  name: "n" })'), `servers: ${url},\n  name`);
  assertEquals(useTestServer('connect({ servers: "demo" })'), 'connect({ servers: "demo" })');
});

test("ownComplaints() keeps complaints about own files and types, and no others", () => {
  const complaint = (file: string, text: string): string =>
    `error[x]: ${text}\n   --> ${file}:1:2\n\n`;
  const missing = complaint("/home/src/a.ts", "exported symbol is missing JSDoc documentation");
  const hidden = complaint("/home/src/a.ts", "public type 'a' references private type 'Own'");
  const foreign = complaint("/home/src/a.ts", "public type 'a' references private type 'Foreign'");
  const elsewhere = complaint("/cache/b.d.ts", "exported symbol is missing JSDoc documentation");
  const output = missing + foreign + elsewhere + hidden;
  assertEquals(ownComplaints(output, "/home", new Set(["Own"])), [missing, hidden]);
});

test("runSteps() counts what a step throws as one failure and goes on", async () => {
  const steps = [
    check("throws", () => Promise.reject(new Error("thrown by a test of the tools"))),
    check("passes", () => Promise.resolve(undefined)),
  ];
  assertEquals(await runSteps(steps, 1), { passed: 1, failed: 1 });
});

test("runProgram() ends a program at its time-out, and says so", async () => {
  const endless = ["eval", "console.log('started'); setInterval(() => {}, 1000);"];
  const { code, output } = await runProgram(Deno.execPath(), endless, { timeout: 1_000 });
  assertEquals([code !== 0, output.includes("stopped after 1 s")], [true, true]);
  assertStringIncludes(output, "started");
});

test("runProgram() reports a program that is not there", async () => {
  const { code, output } = await runProgram("natskit-no-such-program", []);
  assertEquals(code, 127);
  assertStringIncludes(output, "natskit-no-such-program could not be started");
});
