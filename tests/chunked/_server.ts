/** A server for the tests of one file, and connections that are closed after each test. */
import { after, afterEach, before } from "node:test";
import type { NatsConnection } from "@nats-io/nats-core";
import { connect } from "../../src/connect/connect.ts";
import type { ConnectOptions } from "../../src/connect/connect_options.ts";
import { type NatsServer, type NatsServerOptions, startNatsServer } from "../../src/testing/mod.ts";

/** The server of a test file. */
export interface TestServer {
  /** There once the tests run. */
  readonly server: NatsServer;
  /** A connection that reconnects quickly. */
  open(options?: ConnectOptions): Promise<NatsConnection>;
  /** A connection that the bare official transport made. */
  openOfficial(): Promise<NatsConnection>;
}

/** Starts a server before the tests of a file and stops it after them. */
export function useServer(options: NatsServerOptions = {}): TestServer {
  let server: NatsServer | undefined;
  const opened: NatsConnection[] = [];
  before(async () => {
    server = await startNatsServer(options);
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((nc) => nc.close()));
  });
  after(() => server?.stop());
  return {
    get server() {
      return server!;
    },
    async open(options = {}) {
      const quick = { reconnectWait: 20, reconnectJitter: 0 };
      const nc = await connect({ servers: server!.url, ...quick, ...options });
      opened.push(nc);
      return nc;
    },
    async openOfficial() {
      const transport = "Deno" in globalThis ? "transport-deno" : "transport-node";
      const official = await import(`@nats-io/${transport}`) as { connect: typeof connect };
      const nc = await official.connect({ servers: server!.url });
      opened.push(nc);
      return nc;
    },
  };
}
