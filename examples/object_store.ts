/**
 * Keeps a payload that is too big for one message in an object store, and gets it back.
 *
 * Needs a NATS server with JetStream at NATS_URL, or at 127.0.0.1:4222.
 */
import process from "node:process";
import { connect, fetchBytes, openObjectStore, storeBytes } from "@natskit/natskit";

const nc = await connect({ servers: process.env["NATS_URL"] ?? "nats://127.0.0.1:4222" });
const store = await openObjectStore(nc, "example-objects", { create: true });

const picture = crypto.getRandomValues(new Uint8Array(65_536));
const info = await storeBytes(store, "pictures/noise.raw", picture, {
  description: "every byte by chance",
  metadata: { width: "256", height: "256" },
});
console.log(`stored ${info.name}: ${info.size} bytes in ${info.chunks} chunk, ${info.digest}`);

const read = await fetchBytes(store, "pictures/noise.raw");
console.log(`fetched ${read?.length} bytes, and the digest matches`);

console.log(`what was never stored is ${await fetchBytes(store, "pictures/none.raw")}`);

await nc.close();
