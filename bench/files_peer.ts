/**
 * The sender's and the receiver's process of the table `files`.
 *
 * @module
 */
import type { NatsConnection } from "@nats-io/nats-core";
import { servePeer } from "../tools/serve_peer.ts";
import { connectAs } from "./connect_as.ts";
import type { FilesContender, FileTransfer } from "./contenders/files_contender.ts";
import { filesCreditLoop } from "./contenders/files_credit_loop.ts";
import { filesNatskit } from "./contenders/files_natskit.ts";
import { FILES } from "./contenders/names.ts";
import { type Resources, startResources } from "./resources.ts";

const CONTENDERS: Readonly<Record<string, FilesContender>> = {
  [FILES.natskit]: filesNatskit,
  [FILES.creditLoop]: filesCreditLoop,
};

let nc: NatsConnection;
let contender: FilesContender;
let done: Promise<void>;
let needed: () => Resources;

servePeer({
  async prepare(input: { url: string; contender: string }) {
    const found = CONTENDERS[input.contender];
    if (!found) throw new Error(`there is no contender ${JSON.stringify(input.contender)}`);
    contender = found;
    nc = await connectAs(input.contender, input.url);
  },

  /** Resolves when the server knows of the subscription. */
  async receive(transfer: FileTransfer) {
    needed = startResources();
    done = (await contender.receive(nc, transfer)).done;
    done.catch(() => {}); // told by `received`
  },

  async send(transfer: FileTransfer) {
    const needed = startResources();
    const startedAt = performance.now();
    await contender.send(nc, transfer);
    return { ms: performance.now() - startedAt, ...needed() };
  },

  /** Resolves when the file is there. */
  async received() {
    await done;
    return needed();
  },
});
