/**
 * A generated stream of 10 GB through JetStream into a file, in constant memory.
 *
 * @module
 */
import { statfsSync } from "node:fs";
import { megabytes } from "../memory.ts";
import { hold, type Scenario, type SoakRun } from "../scenario.ts";
import { Stage } from "../stage.ts";

const MOST_MEMORY = 150_000_000;

/** The stream and the file, and a little more. */
function requireRoom({ folder, size }: SoakRun): void {
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  const wanted = size * 2.1;
  hold(
    free >= wanted,
    `${folder} has ${megabytes(free)} free, wanted are ${megabytes(wanted)}: choose another ` +
      "--folder or a smaller --size",
  );
}

/** 10 GB in constant memory. */
export const big: Scenario = {
  name: "big",
  title: "10 GB from a generated stream through JetStream into a file, each side under 150 MB",
  variants: ["limits"],
  times: 1,
  size: 10_000_000_000,
  timeout: 3_600_000,
  async run(run) {
    requireRoom(run);
    await using stage = await Stage.open(run, "limits");
    const receiver = await stage.receiver();
    const sender = await stage.sender();
    const startedAt = performance.now();
    const sent = await stage.send(sender, { from: "stream" });
    hold(sent.error === undefined, `the sender failed: ${sent.error?.message}`);
    await stage.ended();
    const ms = performance.now() - startedAt;
    await stage.settled();
    await stage.holdsOneFile(sent.made!);
    const peaks = [(await sender.memory()).peak, (await receiver.memory()).peak];
    const words = `sender ${megabytes(peaks[0]!)}, receiver ${megabytes(peaks[1]!)}, ` +
      `${(run.size / 1e3 / ms).toFixed(0)} MB/s`;
    hold(Math.max(...peaks) < MOST_MEMORY, `${words}, wanted are below ${megabytes(MOST_MEMORY)}`);
    return words;
  },
};
