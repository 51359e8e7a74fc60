import {
  assertEquals,
  assertGreater,
  assertGreaterOrEqual,
  assertStringIncludes,
} from "@std/assert";
import { test } from "node:test";
import { connect } from "../../src/connect/connect.ts";
import { startNatsServer } from "../../src/testing/mod.ts";
import { INFO, startFakeServer } from "./_fake_server.ts";
import { whenStatus } from "./_status.ts";

test("connect() comes back with its subscriptions when the server was killed and restarted", async () => {
  await using server = await startNatsServer({ jetstream: false });
  const nc = await connect({ servers: server.url, reconnectWait: 50 });
  nc.subscribe("echo", { callback: (_error, message) => void message.respond(message.data) });
  for (let round = 0; round < 2; round++) {
    const lost = whenStatus(nc, "disconnect");
    const back = whenStatus(nc, "reconnect");
    await server.kill();
    await lost;
    await server.restart();
    await back;
    const answer = await nc.request("echo", `round ${round}`, { timeout: 5_000 });
    assertEquals(answer.string(), `round ${round}`);
  }
  await nc.close();
});

test("connect() asks a token function again for every reconnect", async () => {
  await using server = await startNatsServer({ jetstream: false, auth: { token: "abc" } });
  let calls = 0;
  const token = () => Promise.resolve(++calls > 0 ? "abc" : "");
  const nc = await connect({ servers: server.url, reconnectWait: 50, token });
  assertEquals(calls, 1);
  const back = whenStatus(nc, "reconnect");
  await server.restart();
  await back;
  assertGreater(calls, 1);
  await nc.flush();
  await nc.close();
});

test("connect() closes instead of coming back when reconnect is false", async () => {
  await using server = await startNatsServer({ jetstream: false });
  const nc = await connect({ servers: server.url, reconnect: false });
  await server.kill();
  await nc.closed();
  assertEquals(nc.isClosed(), true);
});

test("connect() closes when a server had maxReconnectAttempts attempts", async () => {
  await using server = await startNatsServer({ jetstream: false });
  const nc = await connect({
    servers: server.url,
    maxReconnectAttempts: 2,
    reconnectWait: 10,
    reconnectJitter: 0,
  });
  await server.kill();
  const reason = await nc.closed();
  assertStringIncludes((reason as Error).message, "connection refused");
});

test("connect() notices a silent network when maxPingOut pings went unanswered", async () => {
  await using server = await startNatsServer({ jetstream: false });
  const nc = await connect({
    servers: server.url,
    pingInterval: 100,
    maxPingOut: 2,
    reconnectWait: 50,
    connectTimeout: 500,
  });
  const stale = whenStatus(nc, "staleConnection");
  const back = whenStatus(nc, "reconnect");
  await server.pause();
  const start = performance.now();
  await stale;
  assertGreaterOrEqual(performance.now() - start, 150);
  await server.resume();
  await back;
  await nc.flush();
  await nc.close();
});

test("close() ends a reconnect loop and its socket when the server has fallen silent", async () => {
  let isSilent = false;
  await using fake = await startFakeServer((socket) => {
    if (isSilent) return;
    socket.write(INFO);
    socket.on("data", (bytes) => {
      if (String(bytes).includes("PING")) socket.write("PONG\r\n");
      if (String(bytes).includes("PUB hang-up")) socket.destroy();
    });
  });
  const nc = await connect({
    servers: `127.0.0.1:${fake.port}`,
    reconnectWait: 10,
    reconnectJitter: 0,
    connectTimeout: 30_000,
  });
  isSilent = true;
  const lost = whenStatus(nc, "disconnect");
  nc.publish("hang-up");
  await lost;
  await fake.whenAccepted(2);
  await nc.close();
  await fake.everyoneLeft();
});
