/**
 * Receives uploads into a folder, each in constant memory: `deno run -A examples/receive_folder.ts [folder]`. A file
 * appears under its name only when it is whole. Without a folder it sends itself two files, and ends.
 *
 * Needs a NATS server with JetStream at NATS_URL, or at 127.0.0.1:4222.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { jetstream } from "@nats-io/jetstream";
import { connect, ensureChunkedStream, publishChunked, receiveChunked } from "@natskit/natskit";
import { fileSink } from "@natskit/natskit/deno";

const nc = await connect({ servers: process.env["NATS_URL"] ?? "nats://127.0.0.1:4222" });
const stream = "EXAMPLE_INBOX";
await ensureChunkedStream(nc, { stream, subjects: ["example.inbox"], consumer: "folder" });

const given = process.argv[2];
const folder = given ?? await mkdtemp(join(tmpdir(), "inbox-"));
let stored = 0;
const both = Promise.withResolvers<void>();
const sink = fileSink(folder, {
  onStored: ({ path, size, digest }) => {
    console.log(`${path}: ${size} bytes, ${digest}`);
    if (++stored === 2) both.resolve();
  },
});
const receiver = await receiveChunked({ nc, stream, consumer: "folder" }, sink, {
  onRejected: ({ reason, message }) => console.error(`refused, ${reason}: ${message}`),
});

if (given === undefined) {
  const js = jetstream(nc);
  const text = new TextEncoder().encode("the same name, another content");
  await publishChunked(js, "example.inbox", new Uint8Array(5_000_000), { filename: "data.bin" });
  await publishChunked(js, "example.inbox", text, { filename: "data.bin" }); // becomes "data (1).bin"
  await both.promise;
  await receiver.stop();
  await rm(folder, { recursive: true });
} else {
  process.once("SIGINT", () => void receiver.stop()); // what is being written is finished first
  await receiver.closed;
}
await nc.close();
