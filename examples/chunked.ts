/**
 * Sends a payload that is far larger than one message may be, over core NATS to a receiver that grants credit, and over
 * JetStream through a stream.
 *
 * Needs a NATS server with JetStream at NATS_URL, or at 127.0.0.1:4222.
 */
import process from "node:process";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { assembleChunks, connect, publishChunked } from "@natskit/natskit";

const servers = process.env["NATS_URL"] ?? "nats://127.0.0.1:4222";
const sender = await connect({ servers, name: "sender" });
const receiver = await connect({ servers, name: "receiver" });
const data = crypto.getRandomValues(new Uint8Array(65_536));
const photo = new File(new Array(160).fill(data), "photo.raw", { type: "image/x-raw" });

// Core NATS: the receiver is there while it is sent.
const messages = receiver.subscribe("photos");
await receiver.flush();
const receiving = (async () => {
  for await (const payload of assembleChunks(messages, { connection: receiver })) {
    console.log(`received ${payload.filename}: ${payload.size} bytes, ${payload.digest}`);
    await payload.ack();
    break;
  }
})();
let shown = 0;
const sent = await publishChunked(sender, "photos", photo, {
  onProgress: ({ confirmedBytes, totalBytes }) => {
    if (confirmedBytes === shown) return;
    shown = confirmedBytes;
    console.log(`confirmed ${confirmedBytes} of ${totalBytes} bytes`);
  },
});
await receiving;
console.log(`sent ${sent.chunkCount} chunks, ${sent.digest}`);

// JetStream: the stream keeps it, and whoever reads it may come later.
const jsm = await jetstreamManager(receiver);
await jsm.streams.add({ name: "EXAMPLE_PHOTOS", subjects: ["stored.photos"] });
await jsm.consumers.add("EXAMPLE_PHOTOS", { durable_name: "archive", ack_policy: "explicit" });
const stored = await publishChunked(jetstream(sender), "stored.photos", photo);
console.log(`stored ${stored.chunkCount} chunks`);

const archive = await jetstream(receiver).consumers.get("EXAMPLE_PHOTOS", "archive");
const consumed = await archive.consume({ max_bytes: 16 * 1024 * 1024 });
for await (const payload of assembleChunks(consumed)) {
  console.log(`read ${payload.filename}: ${payload.size} bytes, ${payload.digest}`);
  await payload.ack();
  break;
}

await jsm.streams.delete("EXAMPLE_PHOTOS");
await Promise.all([sender.close(), receiver.close()]);
