/**
 * Takes an entry, an order and connect options as JSON, connects with each, prints a line for each in that order, and must
 * then end by itself.
 */
import process from "node:process";
import type { NatsConnection } from "@nats-io/nats-core";
import { connect as connectInBrowser } from "../../src/adapters/browser.ts";
import { connect as connectAnywhere } from "../../src/connect/connect.ts";
import type { ConnectOptions } from "../../src/connect/connect_options.ts";

const [, , entry, order, json] = process.argv;
const connect = entry === "browser" ? connectInBrowser : connectAnywhere;
const connections: NatsConnection[] = [];

async function run(options: ConnectOptions): Promise<object> {
  try {
    const nc = await connect(options);
    connections.push(nc);
    nc.subscribe("echo", { callback: (_error, message) => void message.respond(message.data) });
    const echo = (await nc.request("echo", "hello", { timeout: 5_000 })).string();
    const { protocol } = nc as unknown as {
      protocol: { transport: { constructor: { name: string } } };
    };
    return { echo, transport: protocol.transport.constructor.name };
  } catch (error) {
    const { name, message, reason } = error as Error & { reason?: string };
    return { name, message, reason };
  }
}

const steps = JSON.parse(json!) as ConnectOptions[];
const results: object[] = [];
if (order === "together") results.push(...await Promise.all(steps.map(run)));
else for (const options of steps) results.push(await run(options));
for (const result of results) console.log(JSON.stringify(result));
await Promise.all(connections.map((nc) => nc.close()));
