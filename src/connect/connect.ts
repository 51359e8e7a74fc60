import type { NatsConnection } from "@nats-io/nats-core";
import { loadAdapter } from "./_adapter.ts";
import type { ConnectOptions } from "./connect_options.ts";
import { detectRuntime } from "./_runtime.ts";

/**
 * Connects to a NATS server, with the transport of the runtime that it runs on.
 *
 * It settles within `connectTimeout`, whatever the servers do, and a failed one leaves no socket, timer or loop behind.
 * The connection is the official one: everything that works with `@nats-io` connections works with it. Close it with
 * `drain()` or `close()`.
 *
 * @param options Servers, login, time limits and reconnecting; all of it may be left out.
 * @returns The connection, logged in and ready.
 * @throws {ConnectError} When no server could be reached in time, or the login was refused.
 * @throws {TransportConflictError} When this process already connects over the other kind of transport.
 * @throws {TransportMissingError} When the package at hand has no transport for this runtime.
 * @throws {CoreMismatchError} When the transport belongs to another copy of nats-core than natskit's.
 * @throws {TypeError | RangeError} When an option is unknown, incomplete or out of range; nothing was sent then.
 *
 * @example Connect, publish and close
 * ```ts
 * import { connect } from "@natskit/natskit";
 * import { startNatsServer } from "@natskit/natskit/testing";
 *
 * await using server = await startNatsServer();
 * const nc = await connect({ servers: server.url, name: "billing" });
 * nc.publish("invoices.created", "42");
 * await nc.drain();
 * ```
 */
export async function connect(options: ConnectOptions = {}): Promise<NatsConnection> {
  const adapter = await loadAdapter(detectRuntime());
  return await adapter.connect(options);
}
