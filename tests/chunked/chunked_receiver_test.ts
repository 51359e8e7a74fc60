import { jetstream } from "@nats-io/jetstream";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { test } from "node:test";
import { stopTimeout } from "../../src/chunked/chunked_receiver.ts";
import { receiveChunked } from "../../src/chunked/receive_chunked.ts";
import { publishChunked } from "../../src/chunked/publish_chunked.ts";
import { until } from "../_until.ts";
import { useServer } from "./_server.ts";
import { makePlace } from "./_stream_receiver.ts";
import { payloadOf } from "./_support.ts";

const servers = useServer();

/** What `stop()` refuses, with the class of the error and what it says. */
const REFUSED: readonly [object, typeof TypeError | typeof RangeError, string][] = [
  [{ timeout: NaN }, RangeError, "timeout is NaN, wanted is a number of milliseconds"],
  [{ timeout: -1 }, RangeError, "timeout is -1, wanted is a number of milliseconds"],
  [{ timeout: Infinity }, RangeError, "timeout is Infinity, wanted is a number of milliseconds"],
  [{ timeout: "5" }, TypeError, "timeout is a string, wanted is a number of milliseconds"],
  [{ timout: 5 }, TypeError, `options has the unknown field "timout", known are: timeout`],
];

test("stopTimeout() is half a minute when nothing is said", () => {
  assertEquals(stopTimeout(), 30_000);
  assertEquals(stopTimeout({}), 30_000);
  assertEquals(stopTimeout({ timeout: 0 }), 0);
  assertEquals(stopTimeout({ timeout: 5 }), 5);
});

test("stopTimeout() refuses what is no time to wait", () => {
  for (const [options, kind, message] of REFUSED) {
    assertThrows(() => stopTimeout(options), kind, message);
  }
});

for (const source of ["subject", "consumer"] as const) {
  test(`ChunkedReceiver.stop() refuses bad options when its source is a ${source}`, async () => {
    const nc = await servers.open();
    const { stream, consumer, subject } = await makePlace(nc);
    await using receiver = await receiveChunked(
      source === "subject" ? { nc, subject } : { nc, stream, consumer },
      () => {},
    );
    for (const [options, kind, message] of REFUSED) {
      await assertRejects(() => receiver.stop(options), kind, message);
    }
  });

  test(`ChunkedReceiver.stop() lets handlers clean up when its source is a ${source}`, async () => {
    const nc = await servers.open();
    const { stream, consumer, subject } = await makePlace(nc);
    const done: string[] = [];
    const receiver = await receiveChunked(
      source === "subject" ? { nc, subject: `core.${subject}` } : { nc, stream, consumer },
      async (_stream, { filename, signal }) => {
        done.push(`${filename} began`);
        if (filename === "deaf") await new Promise(() => {});
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        await new Promise((resolve) => setTimeout(resolve, 50)); // it removes a file, say
        done.push(`${filename} cleaned up`);
      },
    );
    const send = async (filename: string): Promise<void> => {
      const data = payloadOf(1_000);
      const options = { filename, chunkSize: 100 };
      if (source === "consumer") await publishChunked(jetstream(nc), subject, data, options);
      else publishChunked(nc, `core.${subject}`, data, options).catch(() => {});
      await until(() => done.includes(`${filename} began`));
    };
    await send("tidy");
    await send("deaf");
    const startedAt = performance.now();
    await receiver.stop({ timeout: 0 });
    assertEquals(done, ["tidy began", "deaf began", "tidy cleaned up"]);
    const waited = performance.now() - startedAt;
    assert(waited < 5_000, `it waited ${waited} ms for a handler that does not heed its signal`);
  });
}
