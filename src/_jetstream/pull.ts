/**
 * One pull request: bounded by bytes, watched by heartbeats, over when it says so. Upstream's `consume` keeps a queue of
 * its own and does not tell which request ended; a receiver that promises bounded memory needs both.
 *
 * @module
 */
import type { Msg, NatsConnection } from "@nats-io/nats-core";
import { inboxOf } from "../_connection.ts";

/** What is pulled from. */
export interface PullTarget {
  /** The connection. */
  readonly nc: NatsConnection;
  /** The prefix of the JetStream API's subjects. */
  readonly apiPrefix: string;
  /** The stream's name. */
  readonly stream: string;
  /** The consumer's name. */
  readonly consumer: string;
}

/** How much is asked for. */
export interface PullRequest {
  /** The most messages. */
  readonly batch: number;
  /** The most bytes, headers and subjects counted; `undefined` for no bound but `batch`. */
  readonly maxBytes: number | undefined;
  /** How long to wait for them, in milliseconds. */
  readonly expires: number;
  /** The priority group, where the consumer has one. */
  readonly group?: string | undefined;
  /** Who the group is pinned to, if it is this client. */
  readonly pinId?: string | undefined;
}

/**
 * How a pull ended:
 *
 * - `full`: there may be more, it asked for no more;
 * - `expired`: there was no more in time;
 * - `unpinned`: the group is pinned to another client now;
 * - `unavailable`: not at the moment: a leader is elected, the server shuts down;
 * - `unheard`: nobody listens to the request;
 * - `silent`: the heartbeats stayed away, or the connection was lost;
 * - `deleted`: the consumer, or its stream, was deleted;
 * - `refused`: the server does not accept the request.
 */
export interface PullEnd {
  readonly type:
    | "full"
    | "expired"
    | "unpinned"
    | "unavailable"
    | "unheard"
    | "silent"
    | "deleted"
    | "refused";
  /** How many messages came. */
  readonly received: number;
  /** The server's words, where it had any. */
  readonly words: string;
}

/** A pull that is under way. */
export interface RunningPull {
  /** Resolves when no more messages will come. Never rejects. */
  readonly ended: Promise<PullEnd>;
  /** Ends it from this side: the connection was lost. */
  interrupt(): void;
  /** Ends it from this side, once what is on its way has come. */
  finish(): void;
}

/** Sends a pull request. Messages are handed over one by one, in the turn in which they come from the network. */
export function startPull(
  target: PullTarget,
  request: PullRequest,
  onMessage: (message: Msg) => void,
): RunningPull {
  const { nc, apiPrefix, stream, consumer } = target;
  const { batch, maxBytes, expires, group, pinId } = request;
  const heartbeat = Math.max(100, expires / 4);
  const settled = Promise.withResolvers<PullEnd>();
  let received = 0;
  let over = false;
  let monitor: ReturnType<typeof setTimeout> | undefined;

  const end = (type: PullEnd["type"], words = ""): void => {
    if (over) return;
    over = true;
    clearTimeout(monitor);
    try {
      subscription.unsubscribe();
    } catch {
      // The connection is closed, and the subscription with it.
    }
    settled.resolve({ type, received, words });
  };
  const watch = (): void => {
    clearTimeout(monitor);
    monitor = setTimeout(() => end("silent"), 2 * heartbeat + 1_000);
  };

  const inbox = inboxOf(nc);
  const subscription = nc.subscribe(inbox, {
    callback: (error, message) => {
      if (over) return;
      if (error) return end("refused", error.message);
      watch();
      if (message.subject !== inbox) {
        received++;
        onMessage(message);
        if (received === batch) end("full");
        return;
      }
      const status = statusOf(message);
      if (status) end(status.type, status.words);
    },
  });
  watch();
  try {
    const body = {
      batch,
      expires: nanos(expires),
      idle_heartbeat: nanos(heartbeat),
      ...(maxBytes !== undefined && { max_bytes: Math.max(1, Math.floor(maxBytes)) }),
      ...(group !== undefined && { group }),
      ...(pinId !== undefined && { id: pinId }),
    };
    const subject = `${apiPrefix}.CONSUMER.MSG.NEXT.${stream}.${consumer}`;
    nc.publish(subject, JSON.stringify(body), { reply: inbox });
  } catch (error) {
    end("silent", String(error));
  }
  return {
    ended: settled.promise,
    interrupt: () => end("silent"),
    finish: () => {
      if (!over) subscription.drain().then(() => end("expired"), () => end("silent"));
    },
  };
}

function nanos(ms: number): number {
  return Math.round(ms * 1e6);
}

/** What a message without a body says; `undefined` for a heartbeat. */
function statusOf({ headers }: Msg): Pick<PullEnd, "type" | "words"> | undefined {
  const code = headers?.code ?? 0;
  const words = headers?.description ?? "";
  switch (code) {
    case 100:
      return undefined;
    case 404:
    case 408:
      return { type: "expired", words };
    case 423:
      return { type: "unpinned", words };
    case 503:
      return { type: "unheard", words };
    case 409:
      if (/exceeds maxbytes|batch completed/i.test(words)) return { type: "full", words };
      if (/deleted/i.test(words)) return { type: "deleted", words };
      if (/push based|MaxRequest/i.test(words)) return { type: "refused", words };
      return { type: "unavailable", words };
    default:
      return { type: "refused", words: `${code} ${words}`.trim() };
  }
}
