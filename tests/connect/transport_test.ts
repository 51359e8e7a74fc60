import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { after, before, test } from "node:test";
import { type NatsServer, startNatsServer } from "../../src/testing/mod.ts";
import { INFO, startFakeServer } from "./_fake_server.ts";
import { runProcess, runSteps } from "./_steps.ts";

let server: NatsServer;
let locked: NatsServer;
before(async () => {
  [server, locked] = await Promise.all([
    startNatsServer({ jetstream: false, websocket: true }),
    startNatsServer({
      jetstream: false,
      websocket: true,
      auth: { user: "us@er", password: "p/w" },
    }),
  ]);
});
after(() => Promise.all([server?.stop(), locked?.stop()]));

const WS = { echo: "hello", transport: "WsTransport" };

test("connect() opens a WebSocket on every runtime when the servers are ws://", async () => {
  assertEquals(await runSteps("main", [{ servers: server.wsUrl! }]), [WS]);
});

test("connect() of the browser adapter opens a WebSocket and wants servers", async () => {
  const [missing, tcp, ok] = await runSteps("browser", [
    {},
    { servers: server.url },
    { servers: server.wsUrl! },
  ]);
  assertStringIncludes((missing as Error).message, "servers is missing");
  assertStringIncludes((tcp as Error).message, "a browser needs a ws:// or wss:// URL");
  assertEquals(ok, WS);
});

test("connect() logs in over a WebSocket with user info in the URL", async () => {
  const good = locked.wsUrl!.replace("://", "://us%40er:p%2Fw@");
  const bad = locked.wsUrl!.replace("://", "://us%40er:hunter2@");
  const [refused, ok] = await runSteps("main", [{ servers: bad }, { servers: good }]);
  assertEquals((refused as { reason?: string }).reason, "authorization");
  assertEquals(JSON.stringify(refused).includes("hunter2"), false);
  assertEquals(ok, WS);
});

test("connect() refuses a WebSocket after a TCP connection, and goes on with TCP", async () => {
  const results = await runSteps("main", [
    { servers: server.url },
    { servers: server.wsUrl! },
    { servers: server.url },
  ]);
  assertEquals(results.map((result) => "echo" in result ? result.echo : result.name), [
    "hello",
    "TransportConflictError",
    "hello",
  ]);
  const { message } = results[1] as Error;
  assertStringIncludes(message, "connects over TCP and was asked for WebSocket");
});

test("connect() refuses TCP after a WebSocket connection", async () => {
  const results = await runSteps("main", [{ servers: server.wsUrl! }, { servers: server.url }]);
  assertEquals("echo" in results[0]!, true);
  assertEquals((results[1] as Error).name, "TransportConflictError");
  assertStringIncludes((results[1] as Error).message, "connects over WebSocket");
});

test("connect() refuses another transport while an attempt is being made", async () => {
  const steps = [{ servers: server.url }, { servers: server.wsUrl! }, { servers: server.url }];
  const results = await runSteps("main", steps, "together");
  const [tcp, ws, tcpToo] = results.map((result) => "echo" in result ? result.echo : result.name);
  // Which kind is first is up to the runtime.
  assertEquals(tcp, tcpToo);
  assertEquals([tcp, ws].sort(), ["TransportConflictError", "hello"]);
});

test("connect() may change the transport when no attempt has succeeded", async () => {
  const results = await runSteps("main", [
    { servers: "127.0.0.1:1", connectTimeout: 2_000 },
    { servers: server.wsUrl! },
  ]);
  assertEquals((results[0] as { reason?: string }).reason, "refused");
  assertEquals(results[1], WS);
});

test("connect() comes back over a WebSocket when the server was restarted", async () => {
  assertEquals(await runProcess("./_reconnect_process.ts", ["ws"]), "back over WsTransport\n");
});

test("connect() comes back over TCP when someone called the official wsconnect meanwhile", async () => {
  const output = await runProcess("./_reconnect_process.ts", ["tcp"]);
  assertMatch(output, /^back over (Node|Deno)Transport\n$/);
});

const LEFT: [string, (port: number) => string, string | undefined][] = [
  ["a silent TCP server", (port) => `nats://127.0.0.1:${port}`, undefined],
  ["a TCP server that stops after INFO", (port) => `nats://127.0.0.1:${port}`, INFO],
  ["a silent WebSocket server", (port) => `ws://127.0.0.1:${port}`, undefined],
];
for (const [title, url, greeting] of LEFT) {
  test(`connect() lets its process end after it failed on ${title}`, async () => {
    await using fake = await startFakeServer((socket) => {
      if (greeting !== undefined) socket.write(greeting);
    });
    const [result] = await runSteps("main", [{ servers: url(fake.port), connectTimeout: 500 }]);
    assertEquals((result as { reason?: string }).reason, "timeout");
    await fake.everyoneLeft();
  });
}
