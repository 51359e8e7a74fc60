import { connect, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { startProxy } from "./_proxy.ts";
import { until } from "./_until.ts";

/** A server that sends everything back, and a client that came through a proxy. */
async function echoThrough(options: { delay?: number; rate?: number }) {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const proxy = await startProxy(port, options);
  const open = (): Promise<Socket> =>
    new Promise((resolve) => {
      const socket = connect(Number(new URL(proxy.url).port), "127.0.0.1", () => resolve(socket));
      socket.on("error", () => {});
    });
  return {
    proxy,
    open,
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      server.close();
    },
  };
}

/** Sends bytes and takes as many back. */
async function roundTrip(socket: Socket, data: Uint8Array): Promise<{ back: Buffer; ms: number }> {
  const startedAt = performance.now();
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  const onData = (piece: Uint8Array): void => {
    pieces.push(piece);
    bytes += piece.length;
  };
  socket.on("data", onData);
  socket.write(data);
  await until(() => bytes >= data.length);
  socket.off("data", onData);
  return { back: Buffer.concat(pieces), ms: performance.now() - startedAt };
}

test("startProxy() carries bytes both ways, in order", async () => {
  await using network = await echoThrough({});
  const socket = await network.open();
  const data = Uint8Array.from({ length: 1_000_000 }, (_, at) => at * 7);
  const { back } = await roundTrip(socket, data);
  assert(Buffer.from(data).equals(back), "what came back is not what was sent");
});

test("startProxy() delays each way, however much is under way", async () => {
  await using network = await echoThrough({ delay: 40 });
  const socket = await network.open();
  const { ms } = await roundTrip(socket, new Uint8Array(10));
  assert(ms >= 79 && ms < 400, `${ms} ms, wanted are 80`);
  const many = await roundTrip(socket, new Uint8Array(2_000_000));
  assert(many.ms >= 79 && many.ms < 1_000, `${many.ms} ms, wanted are about 80 in a row`);
});

test("startProxy() lets only so many bytes a second through", async () => {
  await using network = await echoThrough({ rate: 10_000_000 });
  const socket = await network.open();
  const { ms } = await roundTrip(socket, new Uint8Array(5_000_000));
  assert(ms >= 450 && ms < 2_500, `${ms} ms, wanted are 500`);
});

test("cut() ends every connection, and new ones are carried", async () => {
  await using network = await echoThrough({ delay: 5 });
  const { proxy, open } = network;
  const first = await open();
  await roundTrip(first, new Uint8Array(10));
  const closed = new Promise((resolve) => first.once("close", resolve));
  proxy.cut();
  await closed;
  await until(() => proxy.connections === 0);
  const second = await open();
  await roundTrip(second, new Uint8Array(10));
  assertEquals([proxy.connections, proxy.accepted], [1, 2]);
});
