import { jetstream } from "@nats-io/jetstream";
import { assert, assertEquals } from "@std/assert";
import { test } from "node:test";
import { publishChunked } from "../../src/chunked/publish_chunked.ts";
import { PermanentError } from "../../src/errors.ts";
import { until } from "../_until.ts";
import { cutByHand, digestOf, payloadOf } from "./_support.ts";
import { useServer } from "./_server.ts";
import {
  leftOf,
  makePlace,
  messagesIn,
  readAll,
  receive,
  type Retention,
  store,
} from "./_stream_receiver.ts";

const MB = 1_000_000;
const SLOW = { timeout: 30_000 };
const servers = useServer();

for (const retention of ["limits", "workqueue", "interest"] as Retention[]) {
  test(
    `receiveFromStream() hands over what publishChunked sent, from a ${retention} stream`,
    SLOW,
    async () => {
      const nc = await servers.open();
      const place = await makePlace(nc, retention);
      await using receiver = await receive(nc, place);
      const payload = payloadOf(5 * MB + 17);
      const receipt = await publishChunked(jetstream(nc), place.subject, payload, {
        filename: "a.bin",
        chunkSize: 200_000,
        headers: { "X-Own": "1" },
      });
      await until(() => receiver.received.length === 1);
      const [{ context, data }] = receiver.received as [typeof receiver.received[0]];
      assertEquals(await digestOf(data), receipt.digest!);
      assertEquals(context.uploadId, receipt.uploadId);
      assertEquals(context.size, payload.length);
      assertEquals(context.filename, "a.bin");
      assertEquals(context.headers.get("X-Own"), "1");
      assertEquals(context.subject, place.subject);
      assertEquals(context.deliveryCount, 1);
      await until(async () => await leftOf(nc, place) === 0);
      assertEquals(await messagesIn(nc, place), retention === "limits" ? receipt.chunkCount : 0);
      assertEquals(receiver.begun.length, 1);
      assertEquals(receiver.rejected, []);
    },
  );

  test(
    `receiveFromStream() takes interleaved uploads apart, from a ${retention} stream`,
    SLOW,
    async () => {
      const nc = await servers.open();
      const place = await makePlace(nc, retention);
      await using receiver = await receive(nc, place);
      const payloads = Array.from({ length: 20 }, (_, nth) => payloadOf(300_000 + nth, nth));
      const js = jetstream(nc);
      const receipts = await Promise.all(
        payloads.map((payload) =>
          publishChunked(js, place.subject, payload, { chunkSize: 20_000 })
        ),
      );
      await until(() => receiver.received.length === 20);
      for (const { uploadId, digest } of receipts) {
        const found = receiver.received.filter(({ context }) => context.uploadId === uploadId);
        assertEquals(found.length, 1);
        assertEquals(await digestOf(found[0]!.data), digest!);
      }
      await until(async () => await leftOf(nc, place) === 0);
    },
  );

  test(
    `receiveFromStream() gives an upload again to a handler that throws, from a ${retention} stream`,
    SLOW,
    async () => {
      const nc = await servers.open();
      const place = await makePlace(nc, retention);
      let failures = 0;
      const data: Uint8Array[] = [];
      await using receiver = await receive(nc, place, {}, async (stream) => {
        if (failures < 2) {
          failures++;
          await stream.getReader().read();
          throw new Error("the disk is full");
        }
        data.push(await readAll(stream));
      });
      const payload = payloadOf(2 * MB);
      const receipt = await publishChunked(jetstream(nc), place.subject, payload, {
        chunkSize: 100_000,
      });
      await until(() => data.length === 1);
      assertEquals(await digestOf(data[0]!), receipt.digest!);
      assertEquals(receiver.begun.map(({ deliveryCount }) => deliveryCount), [1, 2, 3]);
      assertEquals(receiver.rejected.map(({ reason }) => reason), ["failed", "failed"]);
      assertEquals((receiver.rejected[0]!.error as Error).message, "the disk is full");
      await until(async () => await leftOf(nc, place) === 0, { timeout: 25_000 });
      assertEquals(await messagesIn(nc, place), retention === "limits" ? receipt.chunkCount : 0);
    },
  );

  test(
    `receiveFromStream() ends an upload for good with a PermanentError, from a ${retention} stream`,
    SLOW,
    async () => {
      const nc = await servers.open();
      const place = await makePlace(nc, retention);
      await using receiver = await receive(nc, place, {}, () => {
        throw new PermanentError("no such customer");
      });
      const receipt = await publishChunked(jetstream(nc), place.subject, payloadOf(MB), {
        chunkSize: 100_000,
      });
      await until(() => receiver.rejected.length === 1);
      const [event] = receiver.rejected;
      assertEquals(event?.reason, "failed");
      assertEquals(event?.uploadId, receipt.uploadId);
      await until(async () => await leftOf(nc, place) === 0, { timeout: 25_000 });
      assertEquals(receiver.begun.length, 1);
      assertEquals(await messagesIn(nc, place), retention === "limits" ? receipt.chunkCount : 0);
    },
  );

  test(
    `receiveFromStream() goes on where a receiver died, from a ${retention} stream`,
    SLOW,
    async () => {
      const nc = await servers.open();
      const place = await makePlace(nc, retention);
      const dying = await servers.open();
      const stuck = await receive(dying, place, {}, (stream) => {
        void stream;
        return new Promise(() => {});
      });
      const receipt = await publishChunked(jetstream(nc), place.subject, payloadOf(2 * MB), {
        chunkSize: 100_000,
      });
      await until(() => stuck.begun.length === 1);
      await until(async () => retention !== "limits" || await leftOf(nc, place) === 1);
      await using heir = await receive(nc, place);
      await dying.close();
      await until(() => heir.received.length === 1);
      assertEquals(await digestOf(heir.received[0]!.data), receipt.digest!);
      assert(heir.begun[0]!.deliveryCount > 1);
      await until(async () => await leftOf(nc, place) === 0, { timeout: 25_000 });
      assertEquals(await messagesIn(nc, place), retention === "limits" ? receipt.chunkCount : 0);
    },
  );
}

test("receiveFromStream() terms an upload with a wrong digest", SLOW, async () => {
  const nc = await servers.open();
  const place = await makePlace(nc);
  await using receiver = await receive(nc, place);
  const wrong = await digestOf(payloadOf(10));
  const chunks = cutByHand(payloadOf(1_000), 100, { extra: { "X-Payload-Digest": wrong } });
  await store(nc, place.subject, chunks);
  await until(() => receiver.rejected.length === 1);
  assertEquals(receiver.rejected[0]!.reason, "digest");
  await until(async () => await leftOf(nc, place) === 0);
  assertEquals(receiver.received, []);
});
