/**
 * The loop that everybody writes first: publish every chunk, flush now and then. It is there to show what it loses.
 *
 * @module
 */
import { cut } from "../payload.ts";
import type { CoreContender } from "./core_contender.ts";

const FLUSH_EVERY = 8;
/** Nothing tells this receiver that the rest is lost, so it gives up after so much silence, in milliseconds. */
const SILENCE = 1_000;

/** Publishes without asking what arrives. */
export function coreObviousLoop(): CoreContender {
  return {
    async send(nc, { subject, chunkSize }, payload) {
      for (const [index, chunk] of cut(payload, chunkSize).entries()) {
        nc.publish(subject, chunk);
        if ((index + 1) % FLUSH_EVERY === 0) await nc.flush();
      }
      await nc.flush();
    },
    receive(nc, { subject, size }) {
      const data = new Uint8Array(size);
      let offset = 0;
      let chunks = 0;
      return new Promise((resolve) => {
        let timer: ReturnType<typeof setTimeout> | undefined;
        const finish = (): void => resolve({ data, chunks });
        nc.subscribe(subject, {
          callback: (_error, message) => {
            data.set(message.data, offset);
            offset += message.data.length;
            chunks++;
            clearTimeout(timer);
            timer = setTimeout(finish, offset === size ? 0 : SILENCE);
          },
        });
      });
    },
  };
}
