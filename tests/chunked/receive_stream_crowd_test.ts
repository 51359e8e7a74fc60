import { assert, assertEquals } from "@std/assert";
import { test } from "node:test";
import { until } from "../_until.ts";
import { useServer } from "./_server.ts";
import { leftOf, makePlace, receive, type Retention, store } from "./_stream_receiver.ts";
import { cutByHand, digestOf, payloadOf } from "./_support.ts";

const SLOW = { timeout: 30_000 };
const servers = useServer();

for (const retention of ["limits", "workqueue"] satisfies Retention[]) {
  test(
    `receiveFromStream() puts an upload that is whole before a mere ticket in a ${retention} stream`,
    SLOW,
    async () => {
      const nc = await servers.open();
      const place = await makePlace(nc, retention);
      await using receiver = await receive(nc, place, { maxUploads: 1 });
      const [slow, whole] = [payloadOf(1_000, 1), payloadOf(1_000, 2)];
      const slowChunks = cutByHand(slow, 100);
      await store(nc, place.subject, slowChunks, [0]);
      await until(() => receiver.begun.length === 1);
      await store(nc, place.subject, cutByHand(whole, 100));
      // Whoever sent nothing for five seconds gives way in any case.
      await until(() => receiver.received.length === 1, { timeout: 4_500 });
      assertEquals(await digestOf(receiver.received[0]!.data), await digestOf(whole));
      const reasons = receiver.rejected.map(({ reason }) => reason);
      assert(reasons.includes("full") && reasons.includes("evicted"), String(reasons));

      await store(nc, place.subject, slowChunks, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
      await until(() => receiver.received.length === 2, { timeout: 15_000 });
      assertEquals(await digestOf(receiver.received[1]!.data), await digestOf(slow));
      await until(async () => await leftOf(nc, place) === 0);
    },
  );
}

test(
  "receiveFromStream() gives no place to a ticket that nothing followed while it waited",
  SLOW,
  async () => {
    const nc = await servers.open();
    const place = await makePlace(nc);
    await using receiver = await receive(nc, place, { maxUploads: 1 });
    const payload = payloadOf(1_000, 3);
    const chunks = cutByHand(payload, 100);
    await store(nc, place.subject, cutByHand(payloadOf(1_000, 4), 100), [0]);
    await until(() => receiver.begun.length === 1);
    await store(nc, place.subject, chunks, [0]);
    const full = (): number => receiver.rejected.filter(({ reason }) => reason === "full").length;
    await until(() => full() >= 4, { timeout: 20_000 }); // after more than five seconds
    assertEquals(receiver.begun.length, 1);
    await store(nc, place.subject, chunks, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    await until(() => receiver.received.length === 1, { timeout: 20_000 });
    assertEquals(await digestOf(receiver.received[0]!.data), await digestOf(payload));
  },
);
