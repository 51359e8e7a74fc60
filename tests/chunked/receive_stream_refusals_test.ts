import { AckPolicy, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { test } from "node:test";
import { publishChunked } from "../../src/chunked/publish_chunked.ts";
import {
  AckPendingLimitError,
  ConnectionClosedError,
  ConsumerUnfitError,
  NoConsumerError,
} from "../../src/errors.ts";
import { until } from "../_until.ts";
import { useServer } from "./_server.ts";
import { leftOf, makePlace, messagesIn, receive, store } from "./_stream_receiver.ts";
import { cutByHand, digestOf, payloadOf } from "./_support.ts";

const SLOW = { timeout: 30_000 };
const servers = useServer();

for (const policy of [AckPolicy.None, AckPolicy.All]) {
  test(`receiveFromStream() refuses a consumer with ack policy ${policy}`, async () => {
    const nc = await servers.open();
    const place = await makePlace(nc, "limits", { consumer: { ack_policy: policy } });
    await store(nc, place.subject, cutByHand(payloadOf(10), 10));
    const error = await assertRejects(() => receive(nc, place), ConsumerUnfitError);
    assertEquals(error.field, "ack_policy");
    assertEquals(error.found, policy);
    assertEquals(error.wanted, "explicit");
    assertEquals(await leftOf(nc, place), 1, "something was taken");
  });
}

test("receiveFromStream() refuses a consumer that delivers headers only", async () => {
  const nc = await servers.open();
  const place = await makePlace(nc, "limits", { consumer: { headers_only: true } });
  const error = await assertRejects(() => receive(nc, place), ConsumerUnfitError);
  assertEquals(error.field, "headers_only");
});

test("receiveFromStream() refuses a push consumer", async () => {
  const nc = await servers.open();
  const place = await makePlace(nc, "limits", { consumer: { deliver_subject: "push.here" } });
  const error = await assertRejects(() => receive(nc, place), ConsumerUnfitError);
  assertEquals(error.field, "deliver_subject");
});

test("receiveFromStream() names a consumer, or a stream, that is not there", async () => {
  const nc = await servers.open();
  const place = await makePlace(nc);
  const error = await assertRejects(
    () => receive(nc, { ...place, consumer: "other" }),
    NoConsumerError,
  );
  assertEquals(error.consumer, "other");
  await assertRejects(() => receive(nc, { ...place, stream: "NOWHERE" }), NoConsumerError);
});

test("receiveFromStream() refuses a closed connection", async () => {
  const nc = await servers.open();
  const place = await makePlace(nc);
  await nc.close();
  await assertRejects(() => receive(nc, place), ConnectionClosedError);
});

for (const what of ["consumer", "stream"] as const) {
  test(`receiveFromStream() ends by name when its ${what} is deleted`, SLOW, async () => {
    const nc = await servers.open();
    const place = await makePlace(nc);
    const receiver = await receive(nc, place, {}, () => new Promise(() => {}));
    await store(nc, place.subject, cutByHand(payloadOf(100), 10), [0, 1]);
    await until(() => receiver.begun.length === 1);
    const manager = await jetstreamManager(nc);
    if (what === "consumer") await manager.consumers.delete(place.stream, place.consumer);
    else await manager.streams.delete(place.stream);
    const error = await assertRejects(() => receiver.closed, NoConsumerError);
    assertEquals(error.stream, place.stream);
    assertEquals(receiver.begun[0]!.signal.aborted, true);
    await receiver.stop();
  });
}

test("receiveFromStream() ends by name when its connection closes", SLOW, async () => {
  const nc = await servers.open();
  const receiver = await receive(nc, await makePlace(nc));
  await nc.close();
  await assertRejects(() => receiver.closed, ConnectionClosedError);
  await receiver.stop();
});

test(
  "receiveFromStream() refuses what is no chunk, and what disagrees, and harms nobody",
  SLOW,
  async () => {
    const nc = await servers.open();
    const place = await makePlace(nc);
    await using receiver = await receive(nc, place, { maxUploadBytes: 10_000 });
    const payload = payloadOf(1_000);
    const chunks = cutByHand(payload, 100);
    const uploadId = chunks[0]!.headers["X-Chunked-Upload-Id"]!;
    const js = jetstream(nc);
    await js.publish(place.subject, "hello");
    await store(nc, place.subject, cutByHand(payload, 100, { uploadId: "no-uuid" }), [0]);
    await store(nc, place.subject, chunks, [0, 1]);
    await store(nc, place.subject, cutByHand(payload, 500, { uploadId }), [1]);
    const longer = { ...chunks[2]!, data: payloadOf(101) };
    await store(nc, place.subject, [longer]);
    await store(nc, place.subject, cutByHand(payloadOf(20_000), 10_000), [0]);
    await store(nc, place.subject, chunks, [2, 3, 4, 5, 6, 7, 8, 9]);
    await until(() => receiver.received.length === 1);
    assertEquals(await digestOf(receiver.received[0]!.data), await digestOf(payload));
    assertEquals(
      receiver.rejected.map(({ reason, scope }) => `${reason} ${scope}`),
      ["malformed chunk", "malformed chunk", "conflict chunk", "length chunk", "too-large upload"],
    );
    assertStringIncludes(receiver.rejected[2]!.message, "chunkCount is 2");
    assertEquals(receiver.rejected[2]!.chunkIndex, 1);
    assertEquals(receiver.rejected[2]!.subject, place.subject);
    await until(async () => await leftOf(nc, place) === 0);
  },
);

test(
  "receiveFromStream() names both numbers where chunks would pass max_ack_pending",
  SLOW,
  async () => {
    const nc = await servers.open();
    const place = await makePlace(nc, "workqueue", { consumer: { max_ack_pending: 25 } });
    const receiver = await receive(nc, place);
    const fits = await publishChunked(jetstream(nc), place.subject, payloadOf(2_500), {
      chunkSize: 100,
    });
    await until(() => receiver.received.length === 1);
    assertEquals(receiver.received[0]!.context.uploadId, fits.uploadId);
    await until(async () => await messagesIn(nc, place) === 0);
    await nc.flush();
    await publishChunked(jetstream(nc), place.subject, payloadOf(2_600), { chunkSize: 100 });
    const error = await assertRejects(() => receiver.closed, AckPendingLimitError);
    assertEquals(error.limit, 25);
    assertEquals(error.chunks, 26);
    assertStringIncludes(error.message, "25");
    assertStringIncludes(error.message, "26");
    assertEquals(await messagesIn(nc, place), 26, "something was deleted");
  },
);

test("receiveFromStream() hands back what it has begun when it is stopped", SLOW, async () => {
  const nc = await servers.open();
  const place = await makePlace(nc);
  const receiver = await receive(
    nc,
    place,
    {},
    (_stream, { signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
      }),
  );
  const receipt = await publishChunked(jetstream(nc), place.subject, payloadOf(1_000), {
    chunkSize: 100,
  });
  await until(() => receiver.begun.length === 1);
  await receiver.stop({ timeout: 100 });
  await receiver.closed;
  assertEquals((receiver.begun[0]!.signal.reason as Error).name, "UploadAbandonedError");
  assertEquals(receiver.rejected.map(({ reason }) => reason), ["abandoned"]);
  const start = performance.now();
  await using heir = await receive(nc, place);
  await until(() => heir.received.length === 1);
  assert(performance.now() - start < 1_400, "it came back only when the ack wait was over");
  assertEquals(await digestOf(heir.received[0]!.data), receipt.digest!);
});

test("receiveFromStream() lets what it has begun end when it is stopped", SLOW, async () => {
  const nc = await servers.open();
  const place = await makePlace(nc);
  const receiver = await receive(nc, place);
  const chunks = cutByHand(payloadOf(1_000), 100);
  await store(nc, place.subject, chunks, [0, 1, 2]);
  await until(() => receiver.begun.length === 1);
  const stopping = receiver.stop();
  await store(nc, place.subject, chunks, [3, 4, 5, 6, 7, 8, 9]);
  await store(nc, place.subject, cutByHand(payloadOf(10), 10));
  await stopping;
  assertEquals(receiver.received.length, 1);
  assertEquals(receiver.received[0]!.data.length, 1_000);
  assertEquals(receiver.begun.length, 1);
});

test("receiveFromStream() gives everything back at once when its signal aborts", SLOW, async () => {
  const nc = await servers.open();
  const place = await makePlace(nc);
  const stop = new AbortController();
  const receiver = await receive(nc, place, { signal: stop.signal }, () => new Promise(() => {}));
  await store(nc, place.subject, cutByHand(payloadOf(1_000), 100));
  await until(() => receiver.begun.length === 1);
  stop.abort();
  await receiver.closed;
  assertEquals(receiver.begun[0]!.signal.aborted, true);
});

test(
  "receiveFromStream() hands an idle upload back, and ends it when it is too old",
  SLOW,
  async () => {
    const nc = await servers.open();
    const place = await makePlace(nc);
    await using receiver = await receive(nc, place, { idleTimeout: 500, abandonAfter: 2_000 });
    const chunks = cutByHand(payloadOf(1_000), 100);
    await store(nc, place.subject, chunks, [0, 1, 2, 3]);
    await until(async () => await leftOf(nc, place) === 0, { timeout: 20_000 });
    assert(receiver.begun.length >= 2, "it never came back");
    assertEquals(new Set(receiver.rejected.map(({ reason }) => reason)), new Set(["idle"]));
    assertStringIncludes(receiver.rejected.at(-1)!.message, "400 of 1000 bytes");
    assertStringIncludes(receiver.rejected.at(-1)!.message, "abandonAfter");
    assertEquals(receiver.received, []);
  },
);

test("receiveFromStream() finishes an idle upload whose sender goes on later", SLOW, async () => {
  const nc = await servers.open();
  const place = await makePlace(nc);
  await using receiver = await receive(nc, place, { idleTimeout: 300 });
  const payload = payloadOf(1_000);
  const chunks = cutByHand(payload, 100);
  await store(nc, place.subject, chunks, [0, 1, 2, 3]);
  await until(() => receiver.rejected.length >= 1);
  await store(nc, place.subject, chunks, [4, 5, 6, 7, 8, 9]);
  await until(() => receiver.received.length === 1);
  assertEquals(await digestOf(receiver.received[0]!.data), await digestOf(payload));
});

test(
  "receiveFromStream() makes uploads wait above maxUploads, and an idle one give way",
  SLOW,
  async () => {
    const nc = await servers.open();
    const place = await makePlace(nc);
    await using receiver = await receive(nc, place, { maxUploads: 1 });
    await store(nc, place.subject, cutByHand(payloadOf(1_000), 100), [0]);
    await until(() => receiver.begun.length === 1);
    const receipt = await publishChunked(jetstream(nc), place.subject, payloadOf(1_000), {
      chunkSize: 100,
    });
    await until(() => receiver.received.length === 1, { timeout: 20_000 });
    assertEquals(receiver.received[0]!.context.uploadId, receipt.uploadId);
    const reasons = receiver.rejected.map(({ reason }) => reason);
    assert(reasons.includes("full") && reasons.includes("evicted"), String(reasons));
  },
);
