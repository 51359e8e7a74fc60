/**
 * What the official connection knows but its public type does not say, and its events as callbacks.
 *
 * @module
 */
import { createInbox, type NatsConnection, type ServerInfo } from "@nats-io/nats-core";
import { withDeadline } from "./_deadline.ts";
import { hasName } from "./_retry.ts";
import { ConnectionClosedError, NoProgressError } from "./errors.ts";

/** A new inbox under the connection's own prefix: where permissions restrict replies, only that one is allowed. */
export function inboxOf(nc: NatsConnection): string {
  const { options } = nc as { options?: { inboxPrefix?: string } };
  return createInbox(options?.inboxPrefix);
}

/** What can happen to a connection. Each is optional. */
export interface ConnectionEvents {
  /** The connection is gone; the client tries to get it back. */
  readonly onDisconnect?: () => void;
  /** The connection is back. */
  readonly onReconnect?: () => void;
  /** The server refused something, such as a publish without permission. */
  readonly onError?: (error: Error) => void;
  /** The connection is closed for good. */
  readonly onClose?: () => void;
}

/** Calls `events` until the returned function is called. */
export function watchConnection(nc: NatsConnection, events: ConnectionEvents): () => void {
  const statuses = nc.status();
  let watching = true;
  const watch = async (): Promise<void> => {
    if (!nc.isClosed()) {
      for await (const status of statuses) {
        if (!watching) return;
        if (status.type === "disconnect") events.onDisconnect?.();
        else if (status.type === "reconnect") events.onReconnect?.();
        else if (status.type === "error") events.onError?.(status.error);
        else if (status.type === "close") break;
      }
    }
    // Not by nc.closed(): what waits on that promise stays with it, as long as the connection lives.
    if (watching) events.onClose?.();
  };
  void watch();
  return () => {
    watching = false;
    // The iterator is a queue that would otherwise stay registered, and wait, as long as the connection lives.
    (statuses as { stop?: () => void }).stop?.();
  };
}

/**
 * `error` by natskit's name where upstream says that the connection is closed, or closing; upstream's is its cause. What
 * was asked before it closed ends with a `RequestError` that only its message tells from others.
 */
export function nameClosed(error: unknown): unknown {
  const isClosed = !hasName(error, "ConnectionClosedError") &&
    (hasName(error, "ClosedConnectionError") || hasName(error, "DrainingConnectionError") ||
      (hasName(error, "RequestError") && (error as Error).message === "connection closed"));
  return isClosed ? new ConnectionClosedError(undefined, { cause: error }) : error;
}

/**
 * What the server said about itself; while the connection is being restored, what the next one says.
 *
 * @throws {ConnectionClosedError} The connection is closed.
 * @throws The reason of `signal`, or an error after `timeout` milliseconds without a server.
 */
export async function serverInfo(
  nc: NatsConnection,
  { timeout, signal }: { timeout: number; signal?: AbortSignal | undefined },
): Promise<ServerInfo> {
  if (nc.isClosed()) throw new ConnectionClosedError();
  if (nc.info) return nc.info;
  const settled = Promise.withResolvers<void>();
  const unwatch = watchConnection(nc, { onReconnect: settled.resolve, onClose: settled.resolve });
  try {
    await withDeadline(settled.promise, {
      timeout,
      signal,
      onTimeout: () => new NoProgressError("waiting for the connection to come back", timeout),
    });
  } finally {
    unwatch();
  }
  if (!nc.info) throw new ConnectionClosedError();
  return nc.info;
}
