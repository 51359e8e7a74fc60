/**
 * The sender's and the receiver's process of the table `core`.
 *
 * @module
 */
import type { NatsConnection } from "@nats-io/nats-core";
import { servePeer } from "../tools/serve_peer.ts";
import { connectAs } from "./connect_as.ts";
import type { CoreContender, CoreTransfer, Received } from "./contenders/core_contender.ts";
import { coreCreditLoop } from "./contenders/core_credit_loop.ts";
import { coreNatskit } from "./contenders/core_natskit.ts";
import { coreObviousLoop } from "./contenders/core_obvious_loop.ts";
import { CORE } from "./contenders/names.ts";
import { createPayload, sha256 } from "./payload.ts";
import { type Resources, startResources } from "./resources.ts";

const CONTENDERS: Readonly<Record<string, CoreContender>> = {
  [CORE.natskit]: coreNatskit(true),
  [CORE.natskitUnhashed]: coreNatskit(false),
  [CORE.creditLoop]: coreCreditLoop(false),
  [CORE.creditLoopHashed]: coreCreditLoop(true),
  [CORE.oneByOne]: coreCreditLoop(true, 1),
  [CORE.obviousLoop]: coreObviousLoop(),
};

let nc: NatsConnection;
let contender: CoreContender;
let payload = new Uint8Array();
let reception: Promise<Received>;
let needed: () => Resources;

servePeer({
  /** Connects; with `payloadSize` also makes the payload, as the sender needs it. */
  async prepare(input: { url: string; contender: string; payloadSize?: number }) {
    const found = CONTENDERS[input.contender];
    if (!found) throw new Error(`there is no contender ${JSON.stringify(input.contender)}`);
    contender = found;
    nc = await connectAs(input.contender, input.url);
    if (input.payloadSize !== undefined) payload = createPayload(input.payloadSize);
  },

  /** Resolves when the server knows of the subscription. */
  async subscribe(transfer: CoreTransfer) {
    needed = startResources();
    reception = contender.receive(nc, transfer);
    reception.catch(() => {}); // told by `received`
    await nc.flush();
  },

  async send(transfer: CoreTransfer) {
    const part = payload.subarray(0, transfer.size);
    const needed = startResources();
    const startedAt = performance.now();
    await contender.send(nc, transfer, part);
    return { ms: performance.now() - startedAt, ...needed() };
  },

  /** Resolves when everything has come, and says what it was. What it took is read before the bytes are looked at again. */
  async received() {
    const { data, chunks } = await reception;
    return { chunks, ...needed(), digest: sha256(data) };
  },
});
