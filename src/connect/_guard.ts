import { TransportConflictError } from "../errors.ts";
import type { TransportKind } from "./_servers.ts";

/** The kind in use, and by how many attempts; `pinned` once one of them succeeded. */
let inUse: { kind: TransportKind; attempts: number; pinned: boolean } | undefined;

/**
 * Keeps a process to one kind of transport. nats-core has one transport factory for the whole process: after a WebSocket
 * connection was opened, a TCP connection that drops would reconnect with a WebSocket, and never come back.
 *
 * Call the result with whether the attempt succeeded.
 */
export function claimTransport(kind: TransportKind): (succeeded: boolean) => void {
  if (inUse !== undefined && inUse.kind !== kind) {
    throw new TransportConflictError(inUse.kind, kind);
  }
  const claim = inUse ??= { kind, attempts: 0, pinned: false };
  claim.attempts++;
  return (succeeded) => {
    claim.attempts--;
    if (succeeded) claim.pinned = true;
    if (claim.attempts === 0 && !claim.pinned) inUse = undefined;
  };
}
