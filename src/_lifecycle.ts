/**
 * What is kept per connection, for as long as the connection itself.
 *
 * @module
 */
import type { NatsConnection } from "@nats-io/nats-core";
import { Budget } from "./_budget.ts";

/** The server cuts a client off that leaves 64 MiB unread, so everybody on it together asks for half. */
const INBOUND_BYTES = 32 * 1024 * 1024;

const inboundBudgets = new WeakMap<NatsConnection, Budget>();

/** The bytes that everything on the connection may have on their way to it: one budget that all receivers share. */
export function inboundBudget(connection: NatsConnection | undefined): Budget {
  if (!connection) return new Budget(INBOUND_BYTES);
  let budget = inboundBudgets.get(connection);
  if (!budget) inboundBudgets.set(connection, budget = new Budget(INBOUND_BYTES));
  return budget;
}
