/** Loses its server and comes back: over a WebSocket (`ws`), or over TCP after the official wsconnect was used (`tcp`). */
import process from "node:process";
import { wsconnect } from "@nats-io/nats-core";
import { connect } from "../../src/connect/connect.ts";
import { startNatsServer } from "../../src/testing/mod.ts";
import { whenStatus } from "./_status.ts";

const kind = process.argv[2];
await using server = await startNatsServer({ jetstream: false, websocket: true });
const servers = kind === "ws" ? server.wsUrl! : server.url;
const nc = await connect({ servers, reconnectWait: 50 });
if (kind === "tcp") {
  const foreign = await wsconnect({ servers: server.wsUrl! });
  await foreign.close();
}
const back = whenStatus(nc, "reconnect");
await server.restart();
await back;
await nc.flush();
const { protocol } = nc as unknown as {
  protocol: { transport: { constructor: { name: string } } };
};
console.log(`back over ${protocol.transport.constructor.name}`);
await nc.close();
