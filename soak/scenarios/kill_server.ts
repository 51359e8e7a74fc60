/**
 * The server dies in the middle of a transfer, and comes back.
 *
 * @module
 */
import { generatedDigest } from "../generated.ts";
import type { PlaceKind } from "../place.ts";
import { hold, type Scenario } from "../scenario.ts";
import { Stage } from "../stage.ts";
import { pause, waitFor } from "../wait_for.ts";

/** `kill -9` of the server, restarted after 0.2 to 3 seconds. */
export const killServer: Scenario = {
  name: "kill-server",
  title: "kill -9 of the server at a random moment of a transfer, restart after 0.2 to 3 s",
  variants: ["core", "limits", "workqueue", "per-chunk"],
  times: 20,
  size: 200_000_000,
  timeout: 180_000,
  async run(run) {
    const { random } = run;
    await using stage = await Stage.open(run, run.variant as PlaceKind);
    await stage.receiver();
    const sender = await stage.sender();
    let isSent = false;
    const sending = stage.send(sender, { from: random.pick(["stream", "source"]) });
    sending.finally(() => isSent = true).catch(() => {});

    // A tenth of the deaths come before the first chunk is through.
    const part = random.between(-0.1, 1);
    const reached = (): boolean => isSent || stage.bytes("confirmed") >= part * run.size;
    await (part < 0 ? pause(random.between(0, 50)) : waitFor("the moment", reached, 60_000));
    const [confirmed, taken] = [stage.bytes("confirmed"), stage.bytes("bytes")];
    await stage.server.kill();
    const away = random.between(200, 3_000);
    await pause(away);
    await stage.server.restart();

    const sent = await sending;
    hold(
      sent.error === undefined,
      `the sender failed: ${sent.error?.message}. ${stage.describe()}`,
    );
    await stage.ended();
    await stage.settled();
    await stage.holdsOneFile(generatedDigest(run.size));
    const ended = stage.events("end").length;
    hold(ended === 1, `handled ${ended} times, wanted is once: nobody died but the server`);
    const percent = (bytes: number): string => (bytes * 100 / run.size).toFixed(0);
    return `killed at ${percent(confirmed)} % confirmed, ${percent(taken)} % taken, away ` +
      `${(away / 1_000).toFixed(1)} s; begun ${stage.events("begin").length} times`;
  },
};
