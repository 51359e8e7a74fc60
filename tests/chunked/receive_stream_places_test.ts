import { jetstream } from "@nats-io/jetstream";
import { assertEquals, assertRejects } from "@std/assert";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ensureChunkedStream } from "../../src/chunked/ensure_chunked_stream.ts";
import { publishChunked } from "../../src/chunked/publish_chunked.ts";
import { receiveChunked } from "../../src/chunked/receive_chunked.ts";
import { connect } from "../../src/connect/connect.ts";
import { startNatsServer } from "../../src/testing/mod.ts";
import { until } from "../_until.ts";
import { useServer } from "./_server.ts";
import { leftOf, makePlace, messagesIn, readAll, receive } from "./_stream_receiver.ts";
import { cutByHand, digestOf, headersOf, payloadOf } from "./_support.ts";

const SLOW = { timeout: 30_000 };
const servers = useServer();

test("receiveChunked() takes from a consumer, also with a JetStream client", SLOW, async () => {
  const nc = await servers.open();
  const js = jetstream(nc);
  const { stream, consumer } = await ensureChunkedStream(nc, {
    stream: "CLIENT",
    subjects: "client",
  });
  const data: Uint8Array[] = [];
  const receiver = await receiveChunked({ js, stream, consumer }, async (body) => {
    data.push(await readAll(body));
  });
  const receipt = await publishChunked(js, "client", payloadOf(300_000), { chunkSize: 50_000 });
  await until(() => data.length === 1);
  assertEquals(await digestOf(data[0]!), receipt.digest!);
  await receiver.stop();
  await receiver.closed;
  const options = { domain: "hub" };
  await assertRejects(
    () => receiveChunked({ js, stream, consumer }, () => {}, options),
    TypeError,
    "a JetStream client has its own",
  );
});

test("receiveChunked() takes from a consumer of another JetStream domain", SLOW, async () => {
  const storeDir = await mkdtemp(join(tmpdir(), "natskit-domain-"));
  try {
    await using hub = await startNatsServer({
      storeDir,
      config: `jetstream { store_dir: ${JSON.stringify(storeDir)}, domain: hub }`,
    });
    const nc = await connect({ servers: hub.url });
    try {
      const options = { domain: "hub" };
      const place = { stream: "FAR", subjects: "far", ...options };
      const { stream, consumer } = await ensureChunkedStream(nc, place);
      const js = jetstream(nc, { ...options }); // it changes what it is given
      let failures = 0;
      const data: Uint8Array[] = [];
      const receiver = await receiveChunked({ nc, stream, consumer }, async (body) => {
        if (failures++ === 0) throw new Error("not now"); // the second time it is read back
        data.push(await readAll(body));
      }, options);
      const receipt = await publishChunked(js, "far", payloadOf(300_000), { chunkSize: 50_000 });
      await until(() => data.length === 1);
      assertEquals(await digestOf(data[0]!), receipt.digest!);
      await receiver.stop();
    } finally {
      await nc.close();
    }
  } finally {
    await rm(storeDir, { recursive: true, force: true });
  }
});

test("receiveFromStream() takes what was stored before it came", SLOW, async () => {
  const nc = await servers.open();
  for (const retention of ["limits", "workqueue", "interest"] as const) {
    const place = await makePlace(nc, retention);
    const js = jetstream(nc);
    const receipts = await Promise.all(
      [1, 2, 3].map((nth) =>
        publishChunked(js, place.subject, payloadOf(1_000_000 + nth, nth), { chunkSize: 100_000 })
      ),
    );
    await using receiver = await receive(nc, place);
    await until(() => receiver.received.length === 3);
    for (const { context, data } of receiver.received) {
      const receipt = receipts.find(({ uploadId }) => uploadId === context.uploadId)!;
      assertEquals(await digestOf(data), receipt.digest!);
    }
    await until(async () => await leftOf(nc, place) === 0);
  }
});

test(
  "receiveFromStream() takes an empty upload, and chunks of 100 bytes by the thousand",
  SLOW,
  async () => {
    const nc = await servers.open();
    const place = await makePlace(nc, "workqueue");
    await using receiver = await receive(nc, place);
    const js = jetstream(nc);
    await publishChunked(js, place.subject, new Uint8Array());
    const many = await publishChunked(js, place.subject, payloadOf(300_000), { chunkSize: 100 });
    assertEquals(many.chunkCount, 3_000);
    await until(() => receiver.received.length === 2);
    assertEquals(receiver.received[0]!.data.length, 0);
    assertEquals(await digestOf(receiver.received[1]!.data), many.digest!);
    await until(async () => await leftOf(nc, place) === 0);
  },
);

test("receiveFromStream() does not handle an upload again that it has finished", SLOW, async () => {
  const nc = await servers.open();
  const place = await makePlace(nc, "limits", { stream: { duplicate_window: 100 * 1e6 } });
  await using receiver = await receive(nc, place);
  const js = jetstream(nc);
  const uploadId = crypto.randomUUID();
  await publishChunked(js, place.subject, payloadOf(1_000), { uploadId, chunkSize: 100 });
  await until(() => receiver.received.length === 1);
  await new Promise((resolve) => setTimeout(resolve, 300)); // outside the duplicate window
  await publishChunked(js, place.subject, payloadOf(1_000), { uploadId, chunkSize: 100 });
  await until(async () => await leftOf(nc, place) === 0);
  assertEquals(receiver.begun.length, 1);
});

for (const retention of ["limits", "workqueue", "interest"] as const) {
  test(
    `receiveFromStream() handles an upload once whose first chunk is stored twice, ${retention} retention`,
    SLOW,
    async () => {
      const nc = await servers.open();
      const place = await makePlace(nc, retention);
      await using receiver = await receive(nc, place);
      const uploads = Array.from({ length: 40 }, (_, nth) => cutByHand(payloadOf(1_000, nth), 600));
      // Published without a wait, so that some of the second tickets come while the first ones are being settled.
      for (const chunks of uploads) {
        for (const index of [0, 0, 1, 0, 1, 0]) {
          const { headers, data } = chunks[index]!;
          nc.publish(place.subject, data, { headers: headersOf(headers) });
        }
      }
      await until(async () => receiver.received.length > 0 && await leftOf(nc, place) === 0);
      assertEquals(receiver.begun.length, uploads.length);
      assertEquals(receiver.received.length, uploads.length);
      assertEquals(receiver.rejected, []);
    },
  );
}

test(
  "receiveFromStream() keeps the chunks of a work queue whose subject ends like that of a first chunk",
  SLOW,
  async () => {
    const nc = await servers.open();
    const place = await makePlace(nc, "workqueue", {
      stream: { subjects: ["uploads.v1.0"] },
      consumer: { filter_subject: "uploads.v1.0" },
    });
    const data = payloadOf(100_000);
    const kept: number[] = [];
    await using receiver = await receive(nc, place, {}, async (body, { deliveryCount }) => {
      if (deliveryCount > 1) return;
      await readAll(body);
      kept.push(await messagesIn(nc, place));
      throw new Error("not this time");
    });
    await publishChunked(jetstream(nc), "uploads.v1.0", data, { chunkSize: 10_000 });
    await until(() => receiver.received.length === 1);
    assertEquals(kept, [10]);
    assertEquals(receiver.received[0]!.data, data);
  },
);

test(
  "receiveFromStream() ends with the server's words when it may not acknowledge",
  SLOW,
  async () => {
    await using guarded = await startNatsServer({
      config: `authorization { users: [
        { user: all, password: x }
        { user: mute, password: x, permissions: { publish: { deny: "$JS.ACK.>" } } }
      ] }`,
    });
    const as = (user: string) => servers.open({ servers: guarded.url, user, password: "x" });
    const nc = await as("all");
    const place = await makePlace(nc);
    const receiver = await receive(await as("mute"), place);
    await publishChunked(jetstream(nc), place.subject, payloadOf(1_000), { chunkSize: 100 });
    await assertRejects(() => receiver.closed, Error, "Permissions Violation");
    await receiver.stop();
  },
);

test(
  "receiveFromStream() begins uploads although others, which nobody reads, fill the buffer",
  { timeout: 60_000 },
  async () => {
    const nc = await servers.open();
    const { stream, consumer } = await ensureChunkedStream(nc, {
      stream: "CROWDED",
      subjects: "crowded",
      layout: "per-chunk",
      storage: "memory",
    });
    const readers = Promise.withResolvers<void>();
    const place = { stream, consumer, subject: "crowded" };
    const receiver = await receive(await servers.open(), place, {}, async (_body, { filename }) => {
      if (filename === "slow") await readers.promise;
    });
    const data = payloadOf(2_700_000);
    const send = (filename: string) =>
      publishChunked(jetstream(nc), "crowded", data, {
        filename,
        layout: "per-chunk",
        chunkSize: 900_000,
      });
    for (let nth = 0; nth < 30; nth++) await send("slow");
    const { uploadId } = await send("quick");
    await until(() => receiver.received.length === 1, { timeout: 50_000 });
    assertEquals(receiver.received[0]!.context.uploadId, uploadId);
    readers.resolve();
    await receiver.stop({ timeout: 0 });
  },
);
