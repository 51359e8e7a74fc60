/**
 * The receiver dies in the middle of a transfer, or between the end of its handler and the confirmed acknowledgement, and
 * another process takes over.
 *
 * @module
 */
import { generatedDigest } from "../generated.ts";
import type { PlaceKind } from "../place.ts";
import { hold, type Scenario } from "../scenario.ts";
import { Stage } from "../stage.ts";
import { waitFor } from "../wait_for.ts";

const HANDLED = "-handled";

/** `kill -9` of the receiver, taken over by another process. */
export const killReceiver: Scenario = {
  name: "kill-receiver",
  title: "kill -9 of the receiver at a random moment, taken over by another process",
  variants: [
    "core",
    "limits",
    "workqueue",
    "interest",
    "per-chunk",
    ...["limits", "workqueue", "per-chunk"].map((kind) => `${kind}${HANDLED}`),
  ],
  times: 20,
  size: 200_000_000,
  timeout: 180_000,
  async run(run) {
    const { random, size, variant } = run;
    const kind = variant.replace(HANDLED, "") as PlaceKind;
    const diesHandled = variant.endsWith(HANDLED);
    await using stage = await Stage.open(run, kind);
    const receivers = [await stage.receiver({ diesHandled })];
    // Many workers share the tickets from the start; elsewhere one follows the other.
    if (kind === "per-chunk" && !diesHandled) receivers.push(await stage.receiver());
    const sender = await stage.sender();
    const sending = stage.send(sender);
    sending.catch(() => {}); // told below

    const part = random.between(0, 1);
    const reached = (): boolean =>
      stage.events("end").length > 0 ||
      !diesHandled && stage.events("begin").length > 0 && stage.bytes("bytes") >= part * size;
    await waitFor("the moment", reached, 60_000);
    const { pid } = stage.events("begin")[0]!;
    const victim = receivers.find((each) => each.pid === pid)!;
    await (diesHandled ? victim.stop() : victim.kill());
    const ended = stage.events("end").length;
    if (receivers.length === 1) await stage.receiver();

    const sent = await sending;
    const words = `${diesHandled ? "died handled" : `killed at ${(part * 100).toFixed(0)} %`}`;
    if (kind === "core" && sent.error?.cause === "ReceiverError") {
      return `${words}, the sender was told: ${sent.error.reason}`;
    }
    hold(
      sent.error === undefined,
      `the sender failed: ${sent.error?.message}. ${stage.describe()}`,
    );
    await stage.ended(1);
    await stage.settled();
    await stage.holdsOneFile(generatedDigest(size), 1);
    const times = stage.events("end").length;
    const most = ended > 0 ? 2 : 1;
    hold(
      times <= most,
      `handled ${times} times, wanted are at most ${most}: the receiver died ` +
        (ended > 0 ? "after its handler had ended" : "before its handler had ended"),
    );
    return `${words}, begun ${stage.events("begin").length} times, handled ${times} times`;
  },
};
