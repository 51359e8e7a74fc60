/** Runs a command line with a NATS server of its own, whose address is in `NATS_URL`; ends with the command's code. */
import { spawn } from "node:child_process";
import process from "node:process";
import { startNatsServer } from "../../src/testing/mod.ts";

const [command, ...args] = process.argv.slice(2);
const server = await startNatsServer({ jetstream: true });
const env = { ...process.env, NATS_URL: server.url };
const child = spawn(command!, args, { stdio: ["ignore", "inherit", "inherit"], env });
// Told to end, it does not leave the command behind.
if (process.platform !== "win32") process.on("SIGTERM", () => child.kill("SIGKILL"));
const code = await new Promise<number>((resolve, reject) => {
  child.once("error", reject);
  child.once("close", (status) => resolve(status ?? 1));
}).finally(() => server.stop());
process.exit(code);
