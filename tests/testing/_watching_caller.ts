// Started by watchdog_test.ts and killed there: watches a folder, watches and releases another, and stays.
import process from "node:process";
import { watchFolder } from "../../src/testing/_watchdog.ts";

const [watched, released, pid] = process.argv.slice(2);
watchFolder(watched!);
if (released !== undefined) {
  const watch = watchFolder(released);
  watch.started(Number(pid));
  watch.ended(Number(pid));
  watch.release();
  watch.release();
}
setInterval(() => {}, 1_000);
console.log("watching");
