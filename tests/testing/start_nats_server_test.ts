import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { existsSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { type NatsServer, startNatsServer } from "../../src/testing/mod.ts";
import { isRunning, temporaryFolder, until } from "./_helpers.ts";
import { WireClient } from "./_wire.ts";

const folderOf = (server: NatsServer): string => join(tmpdir(), server.name);

// deno-lint-ignore no-explicit-any -- the INFO line is looked into freely
function readInfo(port: number): Promise<any> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port });
    socket.setEncoding("utf8").on("data", (text: string) => {
      socket.destroy();
      resolve(JSON.parse(text.slice("INFO ".length)));
    }).on("error", reject);
  });
}

/** Getting a server for the first time may take minutes, where it has to be built. */
const LIMIT = { timeout: 300_000 };

const STREAM = { name: "KEPT", subjects: ["kept"], storage: "file" };

async function storeMessage(server: NatsServer, body: string): Promise<void> {
  await using client = await WireClient.connect(server.url);
  await client.api("STREAM.CREATE.KEPT", STREAM);
  assertEquals(JSON.parse(await client.request("kept", body)).seq, 1);
}

async function readStored(server: NatsServer): Promise<string> {
  await using client = await WireClient.connect(server.url);
  const { message } = await client.api("STREAM.MSG.GET.KEPT", { seq: 1 });
  return Buffer.from(message.data, "base64").toString();
}

test(
  "startNatsServer() gives a server with JetStream and the server's own max_payload",
  LIMIT,
  async () => {
    await using server = await startNatsServer();
    const info = await readInfo(server.port);
    assertEquals(info.server_name, server.name);
    assertEquals(info.version, server.version);
    assertEquals(info.max_payload, 1_048_576);
    assertEquals(info.host, "127.0.0.1");
    assertEquals(server.url, `nats://127.0.0.1:${server.port}`);
    assertEquals(server.wsUrl, undefined);
    await using client = await WireClient.connect(server.url);
    assertEquals((await client.api("INFO")).streams, 0);
  },
);

test("startNatsServer() sets max_payload to the bytes that were asked for", async () => {
  await using server = await startNatsServer({ maxPayload: 8_388_608 });
  assertEquals((await readInfo(server.port)).max_payload, 8_388_608);
});

test("startNatsServer() leaves JetStream off when told to", async () => {
  await using server = await startNatsServer({ jetstream: false });
  assertEquals((await readInfo(server.port)).jetstream ?? false, false);
  await using client = await WireClient.connect(server.url);
  const error = await assertRejects(() => client.api("INFO"), Error);
  assertStringIncludes(error.message, "no responders");
});

test("startNatsServer() opens a WebSocket port when asked for one", async () => {
  await using server = await startNatsServer({ websocket: true });
  const { hostname, port, protocol } = new URL(server.wsUrl!);
  assertEquals(protocol, "ws:");
  const answer = await new Promise<string>((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port) }, () => {
      socket.write(
        "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
          "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n",
      );
    });
    socket.setEncoding("utf8").once("data", (text: string) => {
      socket.destroy();
      resolve(text);
    }).on("error", reject);
  });
  assertStringIncludes(answer, "101 Switching Protocols");
});

test("startNatsServer() lets in only the user that auth names", async () => {
  const password = 'p"a\\s$s # {w}';
  await using server = await startNatsServer({ auth: { user: "ann", password } });
  const denied = await assertRejects(() => WireClient.connect(server.url), Error);
  assertStringIncludes(denied.message, "Authorization Violation");
  await assertRejects(() => WireClient.connect(server.url, { user: "ann", pass: "other" }), Error);
  await using client = await WireClient.connect(server.url, { user: "ann", pass: password });
  await client.ping();
});

test("startNatsServer() lets in only the token that auth names", async () => {
  await using server = await startNatsServer({ auth: { token: "s3cr3t" } });
  const denied = await assertRejects(() => WireClient.connect(server.url), Error);
  assertStringIncludes(denied.message, "Authorization Violation");
  await using client = await WireClient.connect(server.url, { auth_token: "s3cr3t" });
  await client.ping();
});

test("startNatsServer() appends config as it is", async () => {
  await using server = await startNatsServer({ config: "max_connections: 7" });
  await using client = await WireClient.connect(server.url);
  await client.ping();
  const open = await Promise.allSettled(
    Array.from({ length: 8 }, () => WireClient.connect(server.url)),
  );
  const refused = open.filter(({ status }) => status === "rejected");
  for (const result of open) {
    if (result.status === "fulfilled") await result.value[Symbol.asyncDispose]();
  }
  assert(refused.length >= 2, `${refused.length} of 8 more were refused, with room for 6`);
});

test("startNatsServer() runs exactly the version that was asked for", LIMIT, async () => {
  const lines: string[] = [];
  await using server = await startNatsServer({
    version: "2.10.25",
    log: (line) => lines.push(line),
  });
  assertEquals(server.version, "2.10.25");
  assertEquals((await readInfo(server.port)).version, "2.10.25");
  assertEquals(lines.filter((line) => line.includes("using nats-server 2.10.25 from ")).length, 1);
});

test("startNatsServer() refuses options that cannot be honoured, by name", async () => {
  const cases: [Record<string, unknown>, string][] = [
    [{ version: "latest" }, "version"],
    [{ version: "../2.10.25" }, "version"],
    [{ maxPayload: 0 }, "maxPayload"],
    [{ maxPayload: 1.5 }, "maxPayload"],
    [{ timeout: -1 }, "timeout"],
    [{ timeout: NaN }, "timeout"],
    [{ cluster: 1 }, "cluster"],
    [{ cluster: 2.5 }, "cluster"],
    [{ cluster: 10 }, "cluster"],
    [{ jetstream: false, storeDir: "/x" }, "storeDir"],
    [{ tls: true }, 'options has the unknown field "tls"'],
    [{ maxpayload: 1 }, 'options has the unknown field "maxpayload"'],
    [{ timeout: 2 ** 31 }, "timeout is 2147483648, wanted is a number of milliseconds from 1 to"],
    [{ auth: { username: "ann" } }, 'auth has the unknown field "username", known are: user, '],
    [{ auth: { user: "ann" } }, "auth.password is undefined, wanted is a string"],
    [{ auth: { user: "ann", password: 5 } }, "auth.password is a number, wanted is a string"],
    [{ auth: { token: "t", user: "ann" } }, 'auth has the unknown field "user", known are: token'],
    [{ auth: { token: "" } }, "auth.token is empty"],
    [{ auth: "s3cr3t" }, "auth is a string, wanted is an object"],
    [{ jetstream: "no" }, "jetstream is a string, wanted is a boolean"],
    [{ websocket: 1 }, "websocket is a number, wanted is a boolean"],
    [{ config: {} }, "config is an Object, wanted is a string"],
    [{ storeDir: 5 }, "storeDir is a number, wanted is a string"],
    [{ version: 2 }, "version is a number, wanted is a string"],
    [{ signal: {} }, "signal is an Object, wanted is an AbortSignal"],
    [{ log: "x" }, "log is a string, wanted is a function"],
  ];
  for (const [options, field] of cases) {
    const error = await assertRejects(() => startNatsServer(options), Error);
    assert(["TypeError", "RangeError"].includes(error.name), `${field}: ${error.name}`);
    assertStringIncludes(error.message, field);
  }
});

test("startNatsServer() rejects with the end of the log when the server ends", async () => {
  const error = await assertRejects(() => startNatsServer({ config: "no_such_setting: 1" }), Error);
  assertEquals(error.name, "NatsServerStartError");
  assertStringIncludes(error.message, "no_such_setting");
  assertStringIncludes((error as unknown as { log: string }).log, "no_such_setting");
});

test("startNatsServer() rejects when the deadline passes, and leaves nothing running", async () => {
  // The server listens elsewhere than where it is expected, and so never becomes ready.
  const config = 'listen: "127.0.0.1:-1"';
  const started = Date.now();
  const error = await assertRejects(() => startNatsServer({ config, timeout: 400 }), Error);
  assertEquals(error.name, "NatsServerStartError");
  assertStringIncludes(error.message, "not ready within 400 ms");
  assert(Date.now() - started < 5_000);
  const pid = Number(/^\[(\d+)\]/.exec((error as unknown as { log: string }).log)![1]);
  assert(!isRunning(pid), `process ${pid} still runs`);
});

test("startNatsServer() rejects with the reason of the signal", async () => {
  const reason = new Error("changed my mind");
  assertEquals(
    await assertRejects(() => startNatsServer({ signal: AbortSignal.abort(reason) }), Error),
    reason,
  );
  const late = AbortSignal.timeout(200);
  const config = 'listen: "127.0.0.1:-1"';
  const error = await assertRejects(() => startNatsServer({ signal: late, config }), Error);
  assertEquals(error.name, "TimeoutError");
});

test("startNatsServer() reports a port that stays taken", async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  const { port } = other.address() as { port: number };
  try {
    const config = `listen: "127.0.0.1:${port}"`;
    const error = await assertRejects(() => startNatsServer({ config }), Error);
    assertEquals(error.name, "NatsServerStartError");
    assertEquals((error as unknown as { outcome: string }).outcome, "port taken");
  } finally {
    other.close();
  }
});

test("stop() leaves no process and no folder, and may be called again", async () => {
  const server = await startNatsServer();
  const folder = folderOf(server);
  const pid = server.pid!;
  assert(existsSync(folder) && isRunning(pid));
  await Promise.all([server.stop(), server.stop()]);
  assert(!isRunning(pid), "the process runs");
  assert(!existsSync(folder), "the folder is there");
  assertEquals(server.pid, undefined);
  await server.stop();
  await assertRejects(() => server.restart(), Error, "was stopped");
});

test("stop() ends a paused server and one that was killed", async () => {
  const [paused, killed] = await Promise.all([startNatsServer(), startNatsServer()]);
  const pid = paused.pid!;
  if (process.platform !== "win32") await paused.pause();
  await killed.kill();
  await Promise.all([paused.stop(), killed.stop()]);
  assert(!isRunning(pid));
  assert(!existsSync(folderOf(paused)) && !existsSync(folderOf(killed)));
});

test("stop() leaves a storeDir of the caller's alone, and the next server reads it", async () => {
  await using folder = await temporaryFolder();
  const first = await startNatsServer({ storeDir: folder.path });
  await storeMessage(first, "still here");
  await first.stop();
  await using second = await startNatsServer({ storeDir: folder.path });
  assertEquals(await readStored(second), "still here");
});

test("restart() after kill() keeps url and stored messages", async () => {
  await using server = await startNatsServer({ websocket: true });
  const { url, wsUrl, pid } = server;
  await storeMessage(server, "survivor");
  await server.kill();
  assertEquals(server.pid, undefined);
  assert(!isRunning(pid!));
  await assertRejects(() => WireClient.connect(url), Error);
  await server.restart();
  assertEquals([server.url, server.wsUrl], [url, wsUrl]);
  assert(server.pid !== pid);
  assertEquals(await readStored(server), "survivor");
});

test("restart() of a running server keeps stored messages", async () => {
  await using server = await startNatsServer();
  const { pid } = server;
  await storeMessage(server, "orderly");
  await server.restart();
  assert(server.pid !== pid && !isRunning(pid!));
  assertEquals(await readStored(server), "orderly");
});

test("restart() waits for its port to be free again", async () => {
  await using server = await startNatsServer();
  await server.kill();
  const squatter = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => squatter.listen(server.port, "127.0.0.1", resolve));
  const restarted = server.restart();
  await until("the server failed once", () => /address already in use/.test(server.logs()));
  await new Promise((resolve) => squatter.close(resolve));
  await restarted;
  await using client = await WireClient.connect(server.url);
  await client.ping();
});

test("pause() freezes the server and resume() lets it answer on the same connection", async () => {
  await using server = await startNatsServer();
  await using client = await WireClient.connect(server.url);
  await client.ping();
  if (process.platform === "win32") {
    await assertRejects(() => server.pause(), Error, "Windows");
    return;
  }
  await server.pause();
  let answered = false;
  const pong = client.ping().then(() => answered = true);
  await new Promise((resolve) => setTimeout(resolve, 300));
  assertEquals(answered, false);
  await server.resume();
  await pong;
  assertEquals(answered, true);
});

test("pause() and resume() of a server that is down say so, and kill() does nothing", async () => {
  await using server = await startNatsServer();
  await server.kill();
  await server.kill();
  if (process.platform !== "win32") {
    await assertRejects(() => server.pause(), Error, "not running");
  }
  await assertRejects(() => server.resume(), Error, "not running");
});

test("logs() shows what the server wrote", async () => {
  await using server = await startNatsServer();
  assertStringIncludes(server.logs(), "Server is ready");
});
