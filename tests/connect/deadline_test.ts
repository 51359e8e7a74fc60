import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { createServer, type Socket } from "node:net";
import { test } from "node:test";
import { connect } from "../../src/connect/connect.ts";
import { ConnectError } from "../../src/errors.ts";
import { startNatsServer } from "../../src/testing/mod.ts";
import { INFO, startFakeServer } from "./_fake_server.ts";

const TLS_INFO = INFO.replace('"proto"', '"tls_required":true,"proto"');

/** How long a server waits for the TLS handshake, in milliseconds: nats-server's default. */
const TLS_PATIENCE = 2_000;

/** A port on which nothing listens. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

test("connect() says that the connection was refused when nothing listens", async () => {
  const port = await freePort();
  const error = await assertRejects(
    () => connect({ servers: `127.0.0.1:${port}` }),
    ConnectError,
    `could not connect to nats://127.0.0.1:${port}: connection refused`,
  );
  assertEquals(error.reason, "refused");
  assertEquals(error.servers, [`nats://127.0.0.1:${port}`]);
});

test("connect() says that the host is unknown when its name leads nowhere", async () => {
  const error = await assertRejects(
    () => connect({ servers: "nats://nobody.invalid:4222" }),
    ConnectError,
  );
  assertEquals(error.reason, "unreachable");
});

const STUCK: [string, (socket: Socket) => void][] = [
  ["never speaks", () => {}],
  ["says INFO and no more", (socket) => void socket.write(INFO)],
  ["wants TLS and never shakes hands", (socket) => {
    socket.write(TLS_INFO);
    // As a real server does: Deno keeps a socket that it closed in the midst of a handshake until the peer gives up.
    const timer = setTimeout(() => socket.destroy(), TLS_PATIENCE);
    socket.once("close", () => clearTimeout(timer));
  }],
  ["sends half an INFO", (socket) => void socket.write(INFO.slice(0, 40))],
];
for (const [title, behave] of STUCK) {
  test(`connect() keeps its deadline and its socket closed when a server ${title}`, async () => {
    await using fake = await startFakeServer(behave);
    const start = performance.now();
    const error = await assertRejects(
      () => connect({ servers: `127.0.0.1:${fake.port}`, connectTimeout: 400 }),
      ConnectError,
    );
    const took = performance.now() - start;
    assertEquals(error.reason, "timeout");
    assert(took > 350 && took < 4_000, `took ${took} ms`);
    await fake.everyoneLeft();
    assertEquals(fake.accepted, 1);
  });

  test(`connect() rejects with the signal's reason when aborted while a server ${title}`, async () => {
    await using fake = await startFakeServer(behave);
    const abort = new AbortController();
    const reason = new Error("enough");
    const attempt = connect({ servers: `127.0.0.1:${fake.port}`, signal: abort.signal });
    const rejected = assertRejects(() => attempt, Error, "enough");
    await fake.whenAccepted(1);
    abort.abort(reason);
    assertStrictEquals(await rejected, reason);
    await fake.everyoneLeft();
    assertEquals(fake.accepted, 1);
  });
}

const CLOSING: [string, (socket: Socket) => void, string][] = [
  ["hangs up at once", (socket) => void socket.end(), "closed the connection"],
  ["hangs up after INFO", (socket) => {
    socket.write(INFO);
    socket.once("data", () => socket.end());
  }, "closed the connection"],
  ["speaks HTTP", (socket) => void socket.write("HTTP/1.1 400 Bad\r\n\r\n"), "no NATS server"],
];
for (const [title, behave, words] of CLOSING) {
  test(`connect() fails before its deadline when a server ${title}`, async () => {
    await using fake = await startFakeServer(behave);
    const start = performance.now();
    await assertRejects(
      () => connect({ servers: `127.0.0.1:${fake.port}`, connectTimeout: 20_000 }),
      ConnectError,
      words,
    );
    assert(performance.now() - start < 10_000);
    await fake.everyoneLeft();
  });
}

test("connect() closes a connection that is made at the moment it is given up", async () => {
  const abort = new AbortController();
  const reason = new Error("enough");
  await using fake = await startFakeServer((socket) => {
    socket.write(INFO);
    socket.on("data", (bytes) => {
      if (!String(bytes).includes("PING")) return;
      socket.write("PONG\r\n", () => abort.abort(reason));
    });
  });
  const servers = `127.0.0.1:${fake.port}`;
  const error = await assertRejects(async () => {
    const nc = await connect({ servers, signal: abort.signal });
    // The answer was faster than the abort: the connection is the caller's.
    await nc.close();
    throw reason;
  });
  assertStrictEquals(error, reason);
  await fake.everyoneLeft();
  assertEquals(fake.accepted, 1);
});

test("connect() does not touch the network when its signal is aborted already", async () => {
  await using fake = await startFakeServer(() => {});
  const reason = new Error("not today");
  const signal = AbortSignal.abort(reason);
  const error = await assertRejects(() => connect({ servers: `127.0.0.1:${fake.port}`, signal }));
  assertStrictEquals(error, reason);
  assertEquals(fake.accepted, 0);
});

test("connect() leaves a made connection alone when its signal aborts later", async () => {
  await using server = await startNatsServer({ jetstream: false });
  const abort = new AbortController();
  const nc = await connect({ servers: server.url, signal: abort.signal });
  abort.abort();
  await nc.flush();
  assertEquals(nc.isClosed(), false);
  await nc.close();
});

test("connect() keeps its deadline when a token function never answers", async () => {
  await using fake = await startFakeServer(() => {});
  const error = await assertRejects(
    () =>
      connect({
        servers: `127.0.0.1:${fake.port}`,
        connectTimeout: 300,
        token: () => new Promise<string>(() => {}),
      }),
    ConnectError,
  );
  assertEquals(error.reason, "timeout");
  assertEquals(fake.accepted, 0);
});

test("connect() reaches the second server when the first never speaks", async () => {
  await using fake = await startFakeServer(() => {});
  await using server = await startNatsServer({ jetstream: false });
  // The order is random: one of these four begins with the silent one in all but one of sixteen runs.
  for (let i = 0; i < 4; i++) {
    const nc = await connect({
      servers: [`127.0.0.1:${fake.port}`, server.url],
      connectTimeout: 2_000,
    });
    assertEquals(nc.info?.server_name, server.name);
    await nc.close();
  }
  await fake.everyoneLeft();
});

test("connect() fails when tls:// is asked of a server without TLS", async () => {
  await using server = await startNatsServer({ jetstream: false });
  const error = await assertRejects(
    () => connect({ servers: server.url.replace("nats:", "tls:") }),
    ConnectError,
  );
  assertEquals(error.reason, "tls");
});

test("connect() fails at once without waitOnFirstConnect, and waits with it", async () => {
  const server = await startNatsServer({ jetstream: false });
  try {
    await server.kill();
    const options = { servers: server.url, connectTimeout: 20_000, reconnectWait: 50 };
    const error = await assertRejects(() => connect(options), ConnectError);
    assertEquals(error.reason, "refused");
    const attempt = connect({ ...options, waitOnFirstConnect: true });
    await server.restart();
    const nc = await attempt;
    assertEquals(nc.info?.server_name, server.name);
    await nc.close();
  } finally {
    await server.stop();
  }
});

test("connect() gives up at its deadline when waitOnFirstConnect waits in vain", async () => {
  const port = await freePort();
  const start = performance.now();
  const error = await assertRejects(
    () =>
      connect({
        servers: `127.0.0.1:${port}`,
        waitOnFirstConnect: true,
        connectTimeout: 300,
        reconnectWait: 20,
      }),
    ConnectError,
  );
  assertEquals(error.reason, "timeout");
  assert((error.cause as Error).message.includes("refused"), String(error.cause));
  assert(performance.now() - start < 4_000);
});
