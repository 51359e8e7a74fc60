/**
 * The connections of the contenders.
 *
 * @module
 */
import process from "node:process";
import type { ConnectionOptions, NatsConnection } from "@nats-io/nats-core";
import { connect } from "../mod.ts";

/** An official transport package. */
interface Transport {
  connect(options: ConnectionOptions): Promise<NatsConnection>;
}

/** The official `connect` for this runtime. */
async function officialTransport(): Promise<Transport> {
  return process.versions.deno === undefined
    ? await import("@nats-io/transport-node")
    : await import("@nats-io/transport-deno");
}

/**
 * Connects the way people do who use natskit, or who write their loops by hand over the official client.
 *
 * @param contender Its name in the tables.
 * @param url The server.
 */
export async function connectAs(contender: string, url: string): Promise<NatsConnection> {
  if (contender.startsWith("natskit")) return await connect({ servers: url });
  return await (await officialTransport()).connect({ servers: url });
}
