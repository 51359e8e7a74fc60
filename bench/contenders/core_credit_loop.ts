/**
 * The least that a lossless transfer over core NATS can be: the receiver acknowledges each chunk to an inbox of the
 * sender, which keeps 16 MiB in flight. It trusts in one sender, one receiver and an unbroken connection.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { createInbox, headers } from "@nats-io/nats-core";
import { cut } from "../payload.ts";
import type { CoreContender } from "./core_contender.ts";

/** natskit's own window. */
const WINDOW = 16 * 1024 * 1024;
const DIGEST = "Digest";

/**
 * @param digest Whether both sides hash, and the receiver compares.
 * @param window Bytes in flight; as good as none for one chunk at a time.
 */
export function coreCreditLoop(digest: boolean, window: number = WINDOW): CoreContender {
  return {
    async send(nc, { subject, chunkSize }, payload) {
      const most = Math.max(1, Math.floor(window / chunkSize));
      const hash = digest ? createHash("sha256") : undefined;
      const reply = createInbox();
      let taken = 0;
      let wake = (): void => {};
      const credits = nc.subscribe(reply, {
        callback: () => {
          taken++;
          wake();
        },
      });
      const takenUpTo = async (count: number): Promise<void> => {
        while (taken < count) await new Promise<void>((resolve) => wake = resolve);
      };
      const chunks = cut(payload, chunkSize);
      for (const [index, chunk] of chunks.entries()) {
        await takenUpTo(index + 1 - most);
        hash?.update(chunk);
        const last = headers();
        if (hash && index === chunks.length - 1) last.set(DIGEST, hash.digest("hex"));
        nc.publish(subject, chunk, hash ? { reply, headers: last } : { reply });
      }
      await takenUpTo(chunks.length);
      credits.unsubscribe();
    },
    async receive(nc, { subject, size }) {
      const hash = digest ? createHash("sha256") : undefined;
      const subscription = nc.subscribe(subject);
      const data = new Uint8Array(size);
      let offset = 0;
      let chunks = 0;
      for await (const message of subscription) {
        data.set(message.data, offset);
        hash?.update(message.data);
        offset += message.data.length;
        chunks++;
        if (offset === size && hash && message.headers?.get(DIGEST) !== hash.digest("hex")) {
          throw new Error("the digest differs");
        }
        message.respond();
        if (offset === size) break;
      }
      return { data, chunks };
    },
  };
}
