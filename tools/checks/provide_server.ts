/** Starts a NATS server and stops it, so that the program is in the cache and known to work. */
import process from "node:process";
import { startNatsServer } from "../../src/testing/mod.ts";

try {
  const server = await startNatsServer({ jetstream: true });
  await server.stop();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
