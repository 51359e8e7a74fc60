// Started by watchdog_test.ts and killed there: starts servers, prints what they left on the machine, and stays.
import process from "node:process";
import type { ServerInstance } from "../../src/testing/_instance.ts";
import { startNatsServer } from "../../src/testing/mod.ts";

const mode = process.argv[2];
const [single, killed, cluster] = await Promise.all([
  startNatsServer(),
  startNatsServer(),
  startNatsServer({ cluster: 2 }),
]);
await killed.kill();
const servers = [single, killed, ...cluster.servers] as ServerInstance[];
if (mode === "paused") await single.pause();
const report = {
  pids: servers.map((server) => server.pid).filter((pid) => pid !== undefined),
  folders: servers.map((server) => server.folder),
};
process.stdout.write(`${JSON.stringify(report)}\n`, () => {
  if (mode === "throws") throw new Error("a bug of the caller");
  if (mode === "exits") process.exit(3);
  // "ends" has nothing left to do, and must not be held up by its servers.
  if (mode !== "ends") setInterval(() => {}, 1_000);
});
