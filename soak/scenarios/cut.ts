/**
 * A network that is cut off at random every two seconds.
 *
 * @module
 */
import { startProxy } from "../../tests/_proxy.ts";
import { generatedDigest } from "../generated.ts";
import type { PlaceKind } from "../place.ts";
import { hold, type Scenario } from "../scenario.ts";
import { Stage } from "../stage.ts";

const DELAY = 25;
const RATE = 20_000_000;
const EVERY = 2_000;
const CHUNK_SIZE = 64_000;

/** The sender's network, and in some variants the receiver's. */
export const cut: Scenario = {
  name: "cut",
  title: "25 ms each way, 20 MB/s, cut off at random every two seconds: it completes",
  variants: ["core", "core-both", "limits", "limits-both", "workqueue-both", "per-chunk-both"],
  times: 1,
  size: 200_000_000,
  timeout: 300_000,
  async run(run) {
    const { random, size, variant } = run;
    const both = variant.endsWith("-both");
    await using stage = await Stage.open(run, variant.replace("-both", "") as PlaceKind);
    await using proxy = await startProxy(stage.server.port, { delay: DELAY, rate: RATE });
    await stage.receiver({}, both ? proxy.url : undefined);
    const sender = await stage.sender(proxy.url);
    let cuts = 0;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const cutLater = (): void => {
      timer = setTimeout(() => {
        cuts++;
        proxy.cut();
        cutLater();
      }, random.between(0, 2 * EVERY));
    };
    cutLater();
    try {
      const startedAt = performance.now();
      const sent = await stage.send(sender, { options: { chunkSize: CHUNK_SIZE } });
      hold(sent.error === undefined, `the sender failed: ${sent.error?.message}`);
      await stage.ended();
      const seconds = (performance.now() - startedAt) / 1_000;
      await stage.settled();
      await stage.holdsOneFile(generatedDigest(size));
      const times = stage.events("end").length;
      hold(times === 1, `handled ${times} times, wanted is once: nobody died`);
      return `${seconds.toFixed(0)} s, ${cuts} cuts, begun ${stage.events("begin").length} times`;
    } finally {
      clearTimeout(timer);
    }
  },
};
