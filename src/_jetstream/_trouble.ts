/**
 * What may go wrong with one publish, and what to make of it.
 *
 * @module
 */
import type { NatsConnection } from "@nats-io/nats-core";
import { nameClosed } from "../_connection.ts";
import { apiStatus, hasName, isTransient } from "../_retry.ts";
import { ConnectionClosedError } from "../errors.ts";
import { apiCode } from "./api_code.ts";

/** Server: the limit of a stream that discards new messages is reached. The status, 503, is that of passing troubles. */
const STREAM_FULL = 10077;

/** Server, in a cluster: a publish with the same message id is under way. Asked again, it answers as for a repeat. */
const ID_IN_PROCESS = 10158;

/** Whether the same publish may succeed a moment later. */
export function isPassing(error: unknown): boolean {
  return apiCode(error) === ID_IN_PROCESS || (isTransient(error) && apiCode(error) !== STREAM_FULL);
}

/** Whether less should be under way: the stream's queue is full, or the answers take too long. */
export function isCongestion(error: unknown): boolean {
  return apiStatus(error) === 429 || hasName(error, "TimeoutError");
}

/** The error by the name that says most: a closed connection and a missing permission come wrapped. */
export function plainError(error: unknown, nc: NatsConnection): unknown {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (at.name === "PermissionViolationError") return at;
  }
  return nc.isClosed() ? closedError(error) : nameClosed(error);
}

/** The connection is closed, and what had gone wrong before. */
export function closedError(cause?: unknown): ConnectionClosedError {
  return new ConnectionClosedError(undefined, cause === undefined ? undefined : { cause });
}

/** Which connection to which server this is at the moment: it changes with every reconnect. */
export function sessionOf(nc: NatsConnection): string | undefined {
  const info = nc.info;
  return info && `${info.server_id}/${info.client_id}`;
}
