import { assert, assertEquals, assertRejects } from "@std/assert";
import { createServer } from "node:net";
import { test } from "node:test";
import { download } from "../../src/testing/_download.ts";

const LIMITS = { firstByte: 200, idle: 200, total: 600 };

/** Serves every connection with `answer`, which writes what it wants and may never end. */
async function serve(
  answer: (write: (text: string) => void, end: () => void) => void,
): Promise<{ url: string } & AsyncDisposable> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => answer((text) => void socket.write(text), () => void socket.end()));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}/file`,
    [Symbol.asyncDispose]: () => {
      server.close();
      return Promise.resolve();
    },
  };
}

async function assertFailsInTime(url: string, message: string): Promise<void> {
  const started = Date.now();
  await assertRejects(() => download(fetch, url, LIMITS), Error, message);
  assert(Date.now() - started < 3_000, `${Date.now() - started} ms`);
}

test("download() gives back the whole body", async () => {
  await using server = await serve((write, end) => {
    write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\n01234");
    setTimeout(() => {
      write("56789");
      end();
    }, 50);
  });
  assertEquals(new TextDecoder().decode(await download(fetch, server.url, LIMITS)), "0123456789");
});

test("download() gives up on a network that never answers", async () => {
  await using server = await serve(() => {});
  await assertFailsInTime(server.url, "no answer within 200 ms");
});

test("download() gives up on a body that stalls", async () => {
  await using server = await serve((write) =>
    write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234")
  );
  await assertFailsInTime(server.url, "nothing more within 200 ms");
});

test("download() gives up on a body that trickles for too long", async () => {
  let timer: ReturnType<typeof setInterval> | undefined;
  await using server = await serve((write) => {
    write("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
    timer = setInterval(() => write("x"), 50);
  });
  try {
    await assertFailsInTime(server.url, "not complete within 600 ms");
  } finally {
    clearInterval(timer);
  }
});

test("download() holds its bound over a fetch that takes no notice of its signal", async () => {
  const deaf = (() => new Promise(() => {})) as unknown as typeof fetch;
  await assertRejects(() => download(deaf, "http://x/", LIMITS), Error, "no answer within 200 ms");
});

test("download() rejects any answer but 200, and with the signal's own reason", async () => {
  const missing = (() => Promise.resolve(new Response("", { status: 404 }))) as typeof fetch;
  await assertRejects(() => download(missing, "http://x/", LIMITS), Error, "HTTP status 404");
  const reason = new Error("enough");
  const deaf = (() => new Promise(() => {})) as unknown as typeof fetch;
  const error = await assertRejects(
    () => download(deaf, "http://x/", LIMITS, AbortSignal.abort(reason)),
    Error,
  );
  assertEquals(error, reason);
});
