/**
 * The process of the hostile sender.
 *
 * @module
 */
import process from "node:process";
import { jetstream } from "@nats-io/jetstream";
import { createInbox, type Msg, type NatsConnection } from "@nats-io/nats-core";
import { connect } from "../mod.ts";
import { servePeer } from "../tools/serve_peer.ts";
import { type HonestUpload, nextAttack } from "./attacks.ts";
import type { Place } from "./place.ts";
import { createRandom } from "./random.ts";

/** How it attacks. */
export interface AttackInput {
  /** Where. */
  place: Place;
  /** How many messages. */
  messages: number;
  /** The seed of its chance. */
  seed: number;
}

/** After so many messages it waits until they are read, for a flood that the server cuts off would prove nothing. */
const AT_ONCE = 2_000;
/** Honest uploads are attacked while they run, and the newest are likely to. */
const MOST_HONEST = 8;

let nc: NatsConnection;

/** Listens to everybody else's chunks, as any subscriber can. */
function overhear({ subject, kind }: Place): readonly HonestUpload[] {
  const honest: HonestUpload[] = [];
  const onMessage = ({ headers }: Msg): void => {
    if (!headers?.last("X-Filename").startsWith("honest")) return;
    const uploadId = headers.last("X-Chunked-Upload-Id");
    if (honest.some((each) => each.uploadId === uploadId)) return;
    const count = Number(headers.last("X-Chunk-Count"));
    const size = Number(headers.last("X-Total-Size"));
    honest.push({ uploadId, count, size });
    if (honest.length > MOST_HONEST) honest.shift();
  };
  nc.subscribe(kind === "per-chunk" ? `${subject}.>` : subject, {
    callback: (_error, message) => onMessage(message),
  });
  return honest;
}

/** Resolves when what was sent so far is read, or stored. */
async function caughtUp(place: Place, subject: string): Promise<void> {
  if (place.kind === "core") await nc.request("seen", undefined, { timeout: 60_000 });
  else await jetstream(nc, { timeout: 60_000 }).publish(subject, "no chunk");
}

servePeer({
  async open({ url }: { url: string }) {
    nc = await connect({ servers: url, name: "soak hostile sender", reconnectWait: 100 });
    return process.pid;
  },

  async attack({ place, messages, seed }: AttackInput, report) {
    const { kind, subject } = place;
    const stored = kind !== "core";
    const honest = overhear(place);
    const context = { random: createRandom(seed), known: [], honest, stored };
    const reply = createInbox();
    let sent = 0;
    let waitAt = AT_ONCE;
    const subjectOf = (id: string, index: string): string => {
      const isToken = /^[^\s.*>]+$/;
      const tokens = [id, index].map((text) => isToken.test(text) ? text : "x");
      return kind === "per-chunk" ? `${subject}.${tokens.join(".")}` : subject;
    };
    while (sent < messages) {
      for (const { headers, data, asks } of nextAttack(context)) {
        const to = subjectOf(headers.last("X-Chunked-Upload-Id"), headers.last("X-Chunk-Index"));
        // A reply subject would make the stream answer every message.
        nc.publish(to, data, { headers, ...(asks && !stored && { reply }) });
        sent++;
      }
      if (sent < waitAt) continue;
      waitAt = sent + AT_ONCE;
      await caughtUp(place, subjectOf("x", "0"));
      report(sent);
    }
    return sent;
  },
});
