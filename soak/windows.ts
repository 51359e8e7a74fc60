/**
 * Watches what receivers grant, as anybody on the server could.
 *
 * @module
 */
import type { Msg, NatsConnection } from "@nats-io/nats-core";
import { parseCredit } from "../src/_credit/wire.ts";

/** The most that was granted at one time. */
export interface Windows {
  /** To how many uploads. */
  readonly uploads: number;
  /** How many bytes together. */
  readonly bytes: number;
}

/**
 * Follows the credits that go to inboxes.
 *
 * @param nc A connection that may read every inbox.
 * @returns Tells the most that was granted at one time.
 */
export function watchWindows(nc: NatsConnection): () => Windows {
  const granted = new Map<string, number>();
  let most: Windows = { uploads: 0, bytes: 0 };
  let bytes = 0;
  const onMessage = (message: Msg): void => {
    const credit = parseCredit(message.headers);
    if (!credit) return;
    const { uploadId, window, status } = credit;
    bytes -= granted.get(uploadId) ?? 0;
    granted.delete(uploadId);
    if (status !== "receiving" || window === 0) return;
    granted.set(uploadId, window);
    bytes += window;
    most = {
      uploads: Math.max(most.uploads, granted.size),
      bytes: Math.max(most.bytes, bytes),
    };
  };
  nc.subscribe("_INBOX.>", { callback: (_error, message) => onMessage(message) });
  return () => most;
}
