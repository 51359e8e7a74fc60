/**
 * Sends a file of any size through a stream, with a progress bar: `deno run -A examples/send_file.ts [file]`.
 *
 * Needs a NATS server with JetStream at NATS_URL, or at 127.0.0.1:4222.
 */
import process from "node:process";
import { jetstream } from "@nats-io/jetstream";
import { connect, ensureChunkedStream, publishChunked } from "@natskit/natskit";
import { fileSource } from "@natskit/natskit/deno";
import { createLogUpdate } from "log-update";

const nc = await connect({ servers: process.env["NATS_URL"] ?? "nats://127.0.0.1:4222" });
await ensureChunkedStream(nc, { stream: "EXAMPLE_FILES", subjects: ["example.files"] });

// Read while it is sent: no more than a few chunks are in memory, however large it is.
const file = fileSource(process.argv[2] ?? new URL(import.meta.url));
const bar = createLogUpdate(process.stderr);
const receipt = await publishChunked(jetstream(nc), "example.files", file, {
  onProgress: ({ confirmedBytes, totalBytes }) => {
    const done = totalBytes === 0 ? 1 : confirmedBytes / totalBytes;
    bar(`${"█".repeat(Math.round(done * 40)).padEnd(40, "░")} ${Math.floor(done * 100)} %`);
  },
});
bar.done();
console.log(`${file.name}: ${receipt.totalSize} bytes, ${receipt.chunkCount} chunks stored`);
console.log(receipt.digest);
await nc.close();
