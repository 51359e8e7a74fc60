import { test } from "node:test";
import type { NatsConnection, Subscription } from "@nats-io/nats-core";
import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { receiveChunked } from "../../src/chunked/receive_chunked.ts";
import {
  checkChunkSource,
  checkReceiveOptions,
  type ChunkSource,
  type ReceiveChunkedOptions,
} from "../../src/chunked/receive_options.ts";

const nc = { isClosed: () => false } as NatsConnection;
const subscription = {
  unsubscribe: () => {},
  async *[Symbol.asyncIterator]() {},
} as unknown as Subscription;

test("checkChunkSource() tells the kinds of sources apart", () => {
  const subject = checkChunkSource({ nc, subject: "files.>", queue: "q" });
  assertEquals(subject, { type: "subject", source: { nc, subject: "files.>", queue: "q" } });
  const consumer = checkChunkSource({ nc, stream: "S", consumer: "C" });
  assertEquals(consumer, { type: "consumer", source: { nc, stream: "S", consumer: "C" } });
  assertEquals(checkChunkSource(subscription), { type: "subscription", source: subscription });
});

test("checkChunkSource() refuses what is none, and says what is wanted", () => {
  const wrong: [unknown, string][] = [
    [undefined, "source is undefined"],
    ["files", "source is a string"],
    [{}, "{ nc, subject }"],
    [{ nc }, "{ nc, subject }"],
    [{ subject: "files" }, "source.nc is undefined"],
    [{ nc, subject: 7 }, "source.subject is a number"],
    [{ nc, subject: "" }, 'source.subject is ""'],
    [{ nc, subject: "a b" }, 'source.subject is "a b"'],
    [{ nc, subject: "a..b" }, 'source.subject is "a..b"'],
    [{ nc, subject: "a", queue: "x y" }, 'source.queue is "x y"'],
    [{ nc, subject: "a", group: "x" }, '"group"'],
    [{ nc, stream: "S" }, "source.consumer is undefined"],
    [{ nc, stream: "S.x", consumer: "C" }, 'source.stream is "S.x"'],
    [{ nc, stream: "S", consumer: "C", subject: "a" }, '"subject"'],
    [{ stream: "S", consumer: "C" }, "both nc and js, or neither"],
    [{ nc, js: {}, stream: "S", consumer: "C" }, "both nc and js, or neither"],
    [(async function* () {})(), "wanted is { nc, subject }"],
    [Object.assign({ noIterator: true }, subscription), "with a callback"],
  ];
  for (const [source, words] of wrong) {
    const error = assertThrows(() => checkChunkSource(source as ChunkSource), Error);
    assertStringIncludes(error.message, words);
  }
});

test("checkReceiveOptions() fills in the defaults", () => {
  const { maxUploadBytes, maxUploads, idleTimeout, abandonAfter, handlerTimeout, removeWhenDone } =
    checkReceiveOptions("consumer", {});
  assertEquals([maxUploadBytes, maxUploads], [1_099_511_627_776, 100]);
  assertEquals([idleTimeout, abandonAfter, handlerTimeout], [600_000, 86_400_000, undefined]);
  assertEquals(removeWhenDone, false);
  assertEquals(checkReceiveOptions("consumer", { domain: "hub" }).domain, "hub");
});

test("checkReceiveOptions() refuses what is unknown, out of range, or cannot be honoured", () => {
  const wrong: ["subject" | "subscription" | "consumer", unknown, string][] = [
    ["subject", { maxUpload: 1 }, '"maxUpload"'],
    ["subject", { maxUploads: 0 }, "maxUploads is 0"],
    ["subject", { maxUploads: Infinity }, "maxUploads is Infinity"],
    ["subject", { maxUploadBytes: "1" }, "maxUploadBytes is a string"],
    ["subject", { idleTimeout: 1.5 }, "idleTimeout is 1.5"],
    ["subject", { handlerTimeout: 0 }, "handlerTimeout is 0"],
    ["subject", { onRejected: 1 }, "onRejected is a number"],
    ["subject", { signal: {} }, "signal is an Object"],
    ["subject", { connection: nc }, "connection goes with a subscription as source"],
    ["subject", { removeWhenDone: true }, "removeWhenDone goes with a consumer as source"],
    ["subject", { abandonAfter: 1 }, "abandonAfter goes with a consumer as source"],
    ["subscription", { domain: "hub" }, "domain goes with a consumer as source"],
    ["subscription", { connection: {} }, "connection is an Object"],
    ["consumer", { connection: nc }, "connection goes with a subscription as source"],
    ["consumer", { removeWhenDone: 1 }, "removeWhenDone is a number"],
    ["consumer", { abandonAfter: 0 }, "abandonAfter is 0"],
  ];
  for (const [type, options, words] of wrong) {
    const error = assertThrows(
      () => checkReceiveOptions(type, options as ReceiveChunkedOptions),
      Error,
    );
    assertStringIncludes(error.message, words);
  }
});

test("receiveChunked() refuses a handler that is none", async () => {
  const error = await assertRejects(
    () => receiveChunked({ nc, subject: "files" }, {} as never),
    TypeError,
  );
  assertEquals(error.message, "handler is an Object, wanted is a function");
});
