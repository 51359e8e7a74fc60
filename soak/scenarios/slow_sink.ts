/**
 * A sink that takes 5 MB a second.
 *
 * @module
 */
import { generatedDigest } from "../generated.ts";
import { growth, megabytes } from "../memory.ts";
import type { PlaceKind } from "../place.ts";
import { hold, type Scenario } from "../scenario.ts";
import { Stage } from "../stage.ts";

const RATE = 5_000_000;
const MOST_MEMORY = 150_000_000;
/** What a garbage collector may need more or less from one moment to the next. */
const MOST_GROWTH = 25_000_000;

/** The sender waits, and nothing is dropped. */
export const slowSink: Scenario = {
  name: "slow-sink",
  title: "a sink of 5 MB/s for a minute: memory stays flat, nothing is dropped",
  variants: ["core", "limits", "workqueue", "per-chunk"],
  times: 1,
  size: RATE * 60,
  timeout: 600_000,
  async run(run) {
    await using stage = await Stage.open(run, run.variant as PlaceKind);
    const receiver = await stage.receiver({ rate: RATE });
    const sender = await stage.sender();
    const startedAt = performance.now();
    const sent = await stage.send(sender, { from: "stream" });
    hold(sent.error === undefined, `the sender failed: ${sent.error?.message}`);
    await stage.ended();
    const seconds = (performance.now() - startedAt) / 1_000;
    const memory = { sender: await sender.memory(), receiver: await receiver.memory() };
    await stage.settled();
    await stage.holdsOneFile(generatedDigest(run.size));
    const begun = stage.events("begin").length;
    hold(begun === 1, `the handler was begun ${begun} times, wanted is once`);
    hold(!/slow consumer/i.test(stage.server.logs()), "the server cut somebody off");
    hold(
      run.variant !== "core" || sent.ms / 1_000 > seconds * 0.7,
      `the sender took ${sent.ms / 1_000} s of ${seconds}, so it was not slowed`,
    );
    const words = Object.entries(memory).map(([name, { peak, samples }]) => {
      const grown = growth(samples);
      const told = `${name} ${megabytes(peak)}, grew ${megabytes(grown)}`;
      hold(peak < MOST_MEMORY, `${told}, wanted is a peak below ${megabytes(MOST_MEMORY)}`);
      hold(grown < MOST_GROWTH, `${told}, wanted is less than ${megabytes(MOST_GROWTH)}`);
      return told;
    });
    return `${seconds.toFixed(0)} s, ${words.join("; ")}`;
  },
};
