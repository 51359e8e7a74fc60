/**
 * `deno task demo [file]`: sends a real file from one process to another over a real server, in every way that there is,
 * and compares the SHA-256 of what arrived with that of the file.
 *
 * @module
 */
import process from "node:process";
import { obtainServer } from "../src/testing/_obtain_server.ts";
import { startNatsServer } from "../src/testing/mod.ts";
import { type DemoFile, findDemoFile, firstLargeFile, sha256OfFile } from "./demo/demo_file.ts";
import { startProgress } from "./demo/progress.ts";
import { formatBytes, formatDemo } from "./demo/report.ts";
import { type StepResult, STEPS } from "./demo/steps.ts";
import { startPeer } from "./peer.ts";

const USAGE = `deno task demo [file]

Sends a file over a local NATS server, from one process to another; without a name, the server's own program.`;

/** A default that is worth watching has so many bytes. */
const WORTH_WATCHING = 15_000_000;

/** A real file that is on every machine on which the demo can run: the server's program, or that of the runtime. */
async function defaultFile(signal: AbortSignal): Promise<string> {
  const { path } = await obtainServer({ version: undefined, signal, log: () => {} });
  return firstLargeFile([path, process.execPath], WORTH_WATCHING);
}

async function transfer(file: DemoFile, signal: AbortSignal): Promise<StepResult[]> {
  const digest = await sha256OfFile(file.path);
  console.log(`File: ${file.path}, ${formatBytes(file.size)}, SHA-256 ${digest.slice(0, 16)}…`);
  await using server = await startNatsServer({ signal });
  console.log(`Server: nats-server ${server.version} at ${server.url}, with its default settings`);
  await using receiver = startPeer(new URL("./demo/receiver.ts", import.meta.url), {
    name: "receiver",
  });
  await using sender = startPeer(new URL("./demo/sender.ts", import.meta.url), { name: "sender" });
  const work = async (): Promise<StepResult[]> => {
    const where = { url: server.url, path: file.path, size: file.size };
    await Promise.all([receiver.call("open", where), sender.call("open", where)]);
    console.log("A sender and a receiver run, each in a process of its own.\n");
    const results: StepResult[] = [];
    for (const { label, run } of STEPS) {
      const progress = startProgress(label);
      const context = { sender, receiver, file, digest };
      const step = await run(context, (bytes) => progress.update(bytes, file.size));
      const good = step.every(({ matches }) => matches);
      progress.end(good ? "arrived bit for bit" : "WHAT ARRIVED IS NOT WHAT WAS SENT");
      results.push(...step);
    }
    return results;
  };
  const interruption = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
  return await Promise.race([work(), interruption]);
}

async function main(args: readonly string[], signal: AbortSignal): Promise<number> {
  if (args.includes("--help") || args.includes("-h")) {
    console.log(USAGE);
    return 0;
  }
  if (args.length > 1) throw new TypeError(`${args.length} files are named, wanted is one`);
  const file = findDemoFile(args[0] ?? await defaultFile(signal));
  const results = await transfer(file, signal);
  console.log(`\n${formatDemo(results)}\n`);
  const wrong = results.filter(({ matches }) => !matches).length;
  console.log(
    wrong === 0 ? "Every digest matches." : `${wrong} of ${results.length} digests do not match.`,
  );
  return wrong === 0 ? 0 : 1;
}

const interrupted = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => interrupted.abort(new Error(`ended by ${signal}`)));
}
try {
  process.exit(await main(process.argv.slice(2), interrupted.signal));
} catch (error) {
  const shown = interrupted.signal.aborted ? interrupted.signal.reason : error;
  console.error(`demo: ${shown instanceof Error ? shown.message : shown}`);
  process.exit(interrupted.signal.aborted ? 130 : 1);
}
