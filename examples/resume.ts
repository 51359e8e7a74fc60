/**
 * An upload that Ctrl-C interrupts and the next run continues: `deno run -A examples/resume.ts [file]`. Only what is
 * missing is sent again, and a file that was changed meanwhile is refused. Without a file it makes one, interrupts
 * itself in the middle, and continues.
 *
 * Needs a NATS server with JetStream at NATS_URL, or at 127.0.0.1:4222.
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { jetstream } from "@nats-io/jetstream";
import {
  ChunkedPublishError,
  connect,
  ensureChunkedStream,
  publishChunked,
  type ResumeToken,
} from "@natskit/natskit";
import { fileSource } from "@natskit/natskit/deno";

const nc = await connect({ servers: process.env["NATS_URL"] ?? "nats://127.0.0.1:4222" });
await ensureChunkedStream(nc, { stream: "EXAMPLE_RESUME", subjects: ["example.resume"] });

async function send(path: string, signal: AbortSignal, interruptAt = Infinity): Promise<boolean> {
  const interrupt = new AbortController();
  const resume = await readToken(`${path}.resume`);
  if (resume) console.log(`continues after ${resume.confirmedChunks} chunks`);
  try {
    const receipt = await publishChunked(jetstream(nc), "example.resume", fileSource(path), {
      ...(resume && { resume }),
      signal: AbortSignal.any([signal, interrupt.signal]),
      onProgress: ({ confirmedBytes }) => {
        if (confirmedBytes >= interruptAt) interrupt.abort(new Error("interrupted"));
      },
    });
    await rm(`${path}.resume`, { force: true });
    console.log(`all ${receipt.chunkCount} chunks are stored: ${receipt.digest}`);
    return true;
  } catch (error) {
    if (!(error instanceof ChunkedPublishError) || !error.resumeToken) throw error;
    // Plain JSON. Another process, or another machine that has the same file, can go on with it.
    await writeFile(`${path}.resume`, JSON.stringify(error.resumeToken));
    console.log(`stopped with ${error.confirmedChunks} of ${error.chunkCount} chunks stored`);
    return false;
  }
}

async function readToken(path: string): Promise<ResumeToken | undefined> {
  const text = await readFile(path, "utf8").catch(() => undefined);
  return text === undefined ? undefined : JSON.parse(text);
}

const stop = new AbortController();
process.once("SIGINT", () => stop.abort(new Error("Ctrl-C")));
if (process.argv[2] !== undefined) {
  await send(process.argv[2], stop.signal);
} else {
  const folder = await mkdtemp(join(tmpdir(), "resume-"));
  const path = join(folder, "film.bin");
  await writeFile(path, new Uint8Array(40_000_000));
  if (!await send(path, stop.signal, 20_000_000)) await send(path, stop.signal);
  await rm(folder, { recursive: true });
}
await nc.close();
