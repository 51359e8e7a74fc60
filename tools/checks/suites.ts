/**
 * Runs the test files on Deno, Node and Bun, each file in a process of its own, and counts their tests.
 *
 * @module
 */
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { denoOptions, ROOT, type Runtime, runtimeProgram } from "../runtime_command.ts";
import { runProgram, tail } from "./process.ts";
import type { Outcome, Step } from "./tally.ts";

/** Longest run of one test file, in milliseconds. */
const FILE_TIMEOUT = 180_000;

/** Tests about the repository itself: they build, pack and install, which needs no repetition. */
const ONCE: string = join("tests", "repo") + sep;

/** A test as a JUnit report tells of it. */
interface TestCase {
  name: string;
  state: "passed" | "failed" | "skipped";
}

function unescapeXml(text: string): string {
  const named: Record<string, string> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };
  return text.replace(/&(lt|gt|quot|apos|amp);/g, (_, name) => named[name]!);
}

/**
 * Reads the tests from a JUnit report of Deno, Node or Bun.
 *
 * @param xml The report.
 * @returns One entry for each test; suites, which Deno reports as tests of their own, are left out.
 */
export function readJunit(xml: string): TestCase[] {
  const parts = xml.split("<testcase ").slice(1);
  const cases = parts.map((part): TestCase => {
    const name = unescapeXml(part.match(/^[^>]*?\bname="([^"]*)"/)?.[1] ?? "");
    if (/<(failure|error)\b/.test(part)) return { name, state: "failed" };
    return { name, state: /<skipped\b/.test(part) ? "skipped" : "passed" };
  });
  return cases.filter(({ name }) => !cases.some((other) => other.name.startsWith(`${name} > `)));
}

/** The command that runs one test file and writes a report. */
function testCommand(runtime: Runtime, file: string, report: string): string[] {
  const program = runtimeProgram(runtime);
  if (runtime === "deno") {
    const options = ["--no-check", "--quiet", `--junit-path=${report}`];
    return [program, "test", "-A", ...options, ...denoOptions(), file];
  }
  if (runtime === "bun") {
    const bounds = ["--timeout", String(FILE_TIMEOUT)];
    return [program, "test", ...bounds, "--reporter=junit", `--reporter-outfile=${report}`, file];
  }
  // Without "--test", which would add a process between this one and the file.
  const toFile = ["--test-reporter=junit", `--test-reporter-destination=${report}`];
  const toScreen = ["--test-reporter=spec", "--test-reporter-destination=stdout"];
  return [program, ...toFile, ...toScreen, file];
}

/**
 * Decides what a test file's run amounts to. A run without a test fails, so does one that ends badly although its tests
 * passed, and a skipped test counts as failed: what is missing must not look well.
 *
 * @param xml The JUnit report, or `""` where none was written.
 * @param code Exit code of the run.
 * @param file The test file, from the root: Node reports a file without tests as a test of that name.
 */
export function judge(xml: string, code: number, file: string): Outcome {
  const cases = readJunit(xml).filter(({ name, state }) => name !== file || state === "failed");
  const passed = cases.filter(({ state }) => state === "passed").length;
  const skipped = cases.filter(({ state }) => state === "skipped").map(({ name }) => name);
  const failed = cases.length - passed;
  if (cases.length === 0) return { passed: 0, failed: 1, details: "no test was run" };
  if (code !== 0 && failed === 0) return { passed, failed: 1, details: `exit code ${code}` };
  const details = skipped.length > 0 ? `skipped: ${skipped.join(", ")}` : "";
  return { passed, failed, details };
}

async function runFile(runtime: Runtime, file: string): Promise<Outcome> {
  const reports = join(ROOT, ".cache", "reports");
  mkdirSync(reports, { recursive: true });
  const report = join(reports, `${runtime}-${file.replaceAll(/[\\/]/g, "-")}.xml`);
  rmSync(report, { force: true });
  // Bun takes a bare path for a filter.
  const path = `.${sep}${file}`;
  const [command, ...args] = testCommand(runtime, path, report);
  const { code, output } = await runProgram(command!, args, { timeout: FILE_TIMEOUT });
  let xml = "";
  try {
    xml = readFileSync(report, "utf8");
  } catch {
    // A run that crashed, or found no test on Bun, leaves no report.
  }
  const outcome = judge(xml, code, file);
  return { ...outcome, details: [outcome.details, tail(output)].filter(Boolean).join("\n") };
}

/**
 * The steps that run test files.
 *
 * @param files Absolute paths of the test files.
 * @param runtimes Where to run them.
 * @returns One step for each file and runtime; tests of the repository itself run on Deno alone.
 */
export function suiteSteps(files: readonly string[], runtimes: readonly Runtime[]): Step[] {
  return runtimes.flatMap((runtime) =>
    files.map((path) => relative(ROOT, path))
      .filter((file) => runtime === "deno" || !file.startsWith(ONCE))
      .map((file) => ({ name: `${runtime} ${file}`, run: () => runFile(runtime, file) }))
  );
}
