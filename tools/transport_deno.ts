/**
 * Stands in for `@nats-io/transport-deno`, which is on JSR alone: the same `connect`, over the transport for Node, which
 * runs on Deno too. `deno task` resolves `@nats-io/transport-deno` to this file where JSR does not answer.
 *
 * @module
 */
import type { ConnectionOptions, NatsConnection } from "@nats-io/nats-core";
import { connect as connectOverNode } from "@nats-io/transport-node";

export * from "@nats-io/nats-core";

/** Connects over TCP, with the signature that `@nats-io/transport-deno` has. */
export function connect(opts: ConnectionOptions = {}): Promise<NatsConnection> {
  return connectOverNode(opts);
}
