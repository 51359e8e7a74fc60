/**
 * Keeps small values under keys, one type per bucket.
 *
 * Needs a NATS server with JetStream at NATS_URL, or at 127.0.0.1:4222.
 */
import process from "node:process";
import { connect, kvGet, kvSet, openKv } from "@natskit/natskit";

interface Settings {
  theme: "light" | "dark";
  fontSize: number;
}

const nc = await connect({ servers: process.env["NATS_URL"] ?? "nats://127.0.0.1:4222" });
const settings = await openKv<Settings>(nc, "example-settings", { create: { history: 5 } });

const revision = await kvSet(settings, "users.ada", { theme: "dark", fontSize: 14 });
console.log(`stored revision ${revision}`);

const ada = await kvGet(settings, "users.ada");
console.log(`ada reads in ${ada?.theme} at ${ada?.fontSize}`);

const nobody = await kvGet(settings, "users.nobody");
console.log(`who never chose has ${nobody}`);

await nc.close();
