/**
 * The sender's process of the table `jetstream`.
 *
 * @module
 */
import { jetstream, type JetStreamClient } from "@nats-io/jetstream";
import { servePeer } from "../tools/serve_peer.ts";
import { connectAs } from "./connect_as.ts";
import {
  jetStreamBareLoop,
  jetStreamNatskit,
  type PublishToStream,
} from "./contenders/jetstream.ts";
import { JETSTREAM } from "./contenders/names.ts";
import { createPayload } from "./payload.ts";
import { startResources } from "./resources.ts";

const CONTENDERS: Readonly<Record<string, PublishToStream>> = {
  [JETSTREAM.natskit]: jetStreamNatskit(true),
  [JETSTREAM.natskitUnhashed]: jetStreamNatskit(false),
  [JETSTREAM.bareLoop]: jetStreamBareLoop(false),
  [JETSTREAM.bareLoopHashed]: jetStreamBareLoop(true),
  [JETSTREAM.oneByOne]: jetStreamBareLoop(true, 1),
};

let js: JetStreamClient;
let publish: PublishToStream;
let payload = new Uint8Array();

servePeer({
  async prepare(input: { url: string; contender: string; payloadSize: number }) {
    const found = CONTENDERS[input.contender];
    if (!found) throw new Error(`there is no contender ${JSON.stringify(input.contender)}`);
    publish = found;
    js = jetstream(await connectAs(input.contender, input.url), { timeout: 30_000 });
    payload = createPayload(input.payloadSize);
  },

  /** Publishes to a stream of its own, and says what the stream then holds; the stream is removed again. */
  async send({ stream, size, chunkSize }: { stream: string; size: number; chunkSize: number }) {
    const jsm = await js.jetstreamManager();
    const subject = `bench.${stream}`;
    await jsm.streams.add({ name: stream, subjects: [subject], storage: "file" });
    const part = payload.subarray(0, size);
    const needed = startResources();
    const startedAt = performance.now();
    await publish(js, { subject, chunkSize }, part);
    const ms = performance.now() - startedAt;
    const resources = needed();
    const { messages, bytes } = (await jsm.streams.info(stream)).state;
    await jsm.streams.delete(stream);
    return { ms, ...resources, messages, bytes };
  },
});
