/**
 * The sender dies in the middle of a transfer, and another process goes on with its token.
 *
 * @module
 */
import { generatedDigest } from "../generated.ts";
import { type PlaceKind, storedMessages } from "../place.ts";
import { hold, type Scenario } from "../scenario.ts";
import type { SendResult } from "../sender_peer.ts";
import { Stage, type Victim } from "../stage.ts";
import { pause, waitFor } from "../wait_for.ts";

const CHUNK_SIZE = 1_000_000;
/** A window, which was under way when the first one died, and headers. */
const MOST_REPEATED = 20_000_000;
/** Over core NATS the id belongs to the dead sender for ten seconds. */
const MOST_ATTEMPTS = 8;
const BETWEEN_ATTEMPTS = 3_000;

/** Goes on with the token; over core NATS a named error may come first. */
async function resume(
  stage: Stage,
  sender: Victim,
  from: "stream" | "source",
): Promise<{ sent: SendResult; refusals: string[] }> {
  const refusals: string[] = [];
  for (;;) {
    const { uploadId, token } = stage.events("confirmed").at(-1)!;
    hold(token !== undefined, "onProgress handed out no resumeToken");
    const options = { uploadId, chunkSize: CHUNK_SIZE, resume: token as never };
    const sent = await stage.send(sender, { from, options });
    if (sent.error === undefined) return { sent, refusals };
    const { name, cause, reason, message } = sent.error;
    refusals.push(`${cause} ${reason ?? ""}`.trim());
    const isNamed = name === "ChunkedPublishError" && cause === "ReceiverError";
    const mayFail = stage.place.kind === "core" && isNamed && refusals.length < MOST_ATTEMPTS;
    hold(mayFail, `the second sender failed: ${message}. ${stage.describe()}`);
    await pause(BETWEEN_ATTEMPTS);
  }
}

/** `kill -9` of the sender, resumed by another process. */
export const killSender: Scenario = {
  name: "kill-sender",
  title: "kill -9 of the sender at a random moment, resumed by another process",
  variants: ["core", "limits", "workqueue", "per-chunk"],
  times: 20,
  size: 200_000_000,
  timeout: 180_000,
  async run(run) {
    const { random, size } = run;
    const from = random.pick(["stream", "source"] as const);
    await using stage = await Stage.open(run, run.variant as PlaceKind);
    await stage.receiver();
    const first = await stage.sender();
    let isSent = false;
    const sending = stage.send(first, { from, options: { chunkSize: CHUNK_SIZE } });
    sending.then(() => isSent = true, () => {});
    const part = random.between(0.005, 0.98);
    const reached = (): boolean => isSent || stage.bytes("confirmed") >= part * size;
    await waitFor("the moment", reached, 60_000);
    await first.kill();
    const confirmed = stage.bytes("confirmed");

    const { sent, refusals } = await resume(stage, await stage.sender(), from);
    await stage.ended();
    await stage.settled();
    await stage.holdsOneFile(generatedDigest(size));
    const ended = stage.events("end").length;
    hold(ended === 1, `handled ${ended} times, wanted is once: the receiver lives`);
    if (run.variant === "limits" || run.variant === "per-chunk") {
      const messages = await stage.ask((nc) => storedMessages(nc, stage.place));
      const chunks = Math.ceil(size / CHUNK_SIZE);
      hold(messages === chunks, `the stream holds ${messages} messages, wanted are ${chunks}`);
    }
    const missing = size - confirmed + MOST_REPEATED;
    hold(
      run.variant === "core" || sent.wireBytes <= missing,
      `the second sender sent ${sent.wireBytes} bytes, wanted are at most ${missing}`,
    );
    const percent = (bytes: number): string => `${(bytes * 100 / size).toFixed(0)} %`;
    return `${from}, killed at ${percent(confirmed)}, the second sent ${percent(sent.wireBytes)}` +
      (refusals.length > 0 ? `, after ${refusals.length} refusals (${refusals[0]})` : "");
  },
};
