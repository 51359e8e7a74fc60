import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { test } from "node:test";
import { ensureChunkedStream } from "../../src/chunked/ensure_chunked_stream.ts";
import { publishChunked } from "../../src/chunked/publish_chunked.ts";
import { ConsumerUnfitError } from "../../src/errors.ts";
import { until } from "../_until.ts";
import { useServer } from "./_server.ts";
import {
  leftOf,
  makePlace,
  messagesIn,
  type Place,
  receive,
  type RunningStreamReceiver,
  store,
} from "./_stream_receiver.ts";
import { cutByHand, digestOf, payloadOf } from "./_support.ts";

const SLOW = { timeout: 40_000 };
const servers = useServer();
const PER_CHUNK = { layout: "per-chunk", chunkSize: 20_000 } as const;

async function ticketPlace(name: string): Promise<Place> {
  const nc = await servers.open();
  const options = { stream: name, subjects: name, layout: "per-chunk", ackWait: 1_500 } as const;
  const { consumer } = await ensureChunkedStream(nc, options);
  return { stream: name, consumer, subject: name };
}

test(
  "receiveFromStream() shares uploads with one subject per chunk among workers, each whole at one",
  SLOW,
  async () => {
    const place = await ticketPlace("SHARED");
    const workers: RunningStreamReceiver[] = [];
    for (let nth = 0; nth < 3; nth++) {
      // One that has its hands full leaves the next one to the others.
      workers.push(await receive(await servers.open(), place, { maxUploads: 2 }, () => pause(30)));
    }
    const nc = await servers.open();
    const receipts = await Promise.all(
      Array.from(
        { length: 12 },
        (_, nth) =>
          publishChunked(jetstream(nc), place.subject, payloadOf(500_000 + nth, nth), PER_CHUNK),
      ),
    );
    await until(() => workers.flatMap(({ received }) => received).length === 12);
    for (const { uploadId, digest } of receipts) {
      const found = workers.flatMap(({ received }) => received)
        .filter(({ context }) => context.uploadId === uploadId);
      assertEquals(found.length, 1);
      assertEquals(await digestOf(found[0]!.data), digest!);
      assertEquals(found[0]!.context.deliveryCount, 1);
    }
    for (const { received } of workers) assert(received.length > 0, "a worker got nothing");
    await until(async () => await leftOf(nc, place) === 0);
    for (const worker of workers) await worker.stop();
  },
);

test("receiveFromStream() takes over what a worker that died had begun", SLOW, async () => {
  const place = await ticketPlace("DEATH");
  const mortal = await servers.open();
  const dying = await receive(mortal, place, {}, async (stream, { signal }) => {
    await stream.getReader().read();
    await new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason));
    });
  });
  const nc = await servers.open();
  const receipts = await Promise.all(
    [1, 2, 3, 4].map((nth) =>
      publishChunked(jetstream(nc), place.subject, payloadOf(1_000_000, nth), PER_CHUNK)
    ),
  );
  await until(() => dying.begun.length === 4);
  const heirs = await Promise.all([1, 2].map(async () => receive(await servers.open(), place)));
  await mortal.close();
  await until(() => heirs.flatMap(({ received }) => received).length === 4);
  const received = heirs.flatMap((heir) => heir.received);
  for (const { uploadId, digest } of receipts) {
    const found = received.filter(({ context }) => context.uploadId === uploadId);
    assertEquals(found.length, 1);
    assertEquals(await digestOf(found[0]!.data), digest!);
    assertEquals(found[0]!.context.deliveryCount, 2);
  }
  await until(async () => await leftOf(nc, place) === 0);
  for (const heir of heirs) await heir.stop();
});

test(
  "receiveFromStream() reads an upload with one subject per chunk while it arrives",
  SLOW,
  async () => {
    const place = await ticketPlace("GROWING");
    const nc = await servers.open();
    await using receiver = await receive(nc, place);
    const payload = payloadOf(1_000);
    const chunks = cutByHand(payload, 100);
    const id = chunks[0]!.headers["X-Chunked-Upload-Id"]!;
    const subject = (index: number): string => `${place.subject}.${id}.${index}`;
    await store(nc, subject, chunks, [0]);
    await until(() => receiver.begun.length === 1);
    for (const index of [2, 1, 5, 4, 3, 9, 8, 7, 6]) {
      await store(nc, subject, chunks, [index]);
      await pause(20);
    }
    await until(() => receiver.received.length === 1);
    assertEquals(await digestOf(receiver.received[0]!.data), await digestOf(payload));
  },
);

test("receiveFromStream() removes an upload that is done, and only that one", SLOW, async () => {
  const place = await ticketPlace("REMOVED");
  const nc = await servers.open();
  const js = jetstream(nc);
  let failures = 0;
  const receiver = await receive(nc, place, { removeWhenDone: true }, (_stream, { size }) => {
    if (size === 200_001 && failures++ === 0) throw new Error("not now");
  });
  const kept = cutByHand(payloadOf(1_000), 100);
  const id = kept[0]!.headers["X-Chunked-Upload-Id"]!;
  await store(nc, (index) => `${place.subject}.${id}.${index}`, kept, [0, 1, 2]);
  await publishChunked(js, place.subject, payloadOf(200_001), PER_CHUNK);
  await publishChunked(js, place.subject, payloadOf(200_002), PER_CHUNK);
  await until(() => receiver.received.length === 2);
  await until(async () => await messagesIn(nc, place) === 3);
  assertEquals(failures, 2);
  assertEquals(await leftOf(nc, place), 1);
});

test(
  "receiveFromStream() lets uploads whose sender died give way to others",
  SLOW,
  async () => {
    const place = await ticketPlace("DEAD");
    const nc = await servers.open();
    await using worker = await receive(await servers.open(), place, { maxUploads: 2 });
    for (let nth = 0; nth < 2; nth++) {
      const uploadId = crypto.randomUUID();
      const chunks = cutByHand(payloadOf(1_000), 100, { uploadId });
      await store(nc, (index) => `${place.subject}.${uploadId}.${index}`, chunks, [0, 1, 2]);
    }
    await until(() => worker.begun.length === 2);
    const { uploadId } = await publishChunked(
      jetstream(nc),
      place.subject,
      payloadOf(100_000),
      PER_CHUNK,
    );
    await until(() => worker.received.length === 1);
    assertEquals(worker.received[0]!.context.uploadId, uploadId);
    assertEquals(worker.rejected[0]!.reason, "evicted");
    await worker.stop({ timeout: 0 });
  },
);

test(
  "receiveFromStream() refuses removeWhenDone where there is nothing to remove by",
  SLOW,
  async () => {
    const nc = await servers.open();
    const queue = await makePlace(nc, "workqueue");
    const options = { removeWhenDone: true };
    const error = await assertRejects(() => receive(nc, queue, options), ConsumerUnfitError);
    assertEquals(error.field, "retention");
    const place = await makePlace(nc);
    await using receiver = await receive(nc, place, options);
    await publishChunked(jetstream(nc), place.subject, payloadOf(100));
    await until(() => receiver.rejected.length === 1);
    assertEquals(receiver.rejected[0]!.reason, "rejected");
    assertEquals(await messagesIn(nc, place), 1);
  },
);

test(
  "receiveFromStream() fills gaps that another member of its consumer makes",
  SLOW,
  async () => {
    const nc = await servers.open();
    const place = await makePlace(nc);
    await using receiver = await receive(nc, place);
    const payload = payloadOf(100_000);
    const chunks = cutByHand(payload, 1_000);
    await store(nc, place.subject, chunks, [0]);
    await until(() => receiver.begun.length === 1);
    const other = await jetstream(await servers.open()).consumers.get(place.stream, place.consumer);
    const messages = await other.consume({ max_messages: 4 });
    let stolen = 0;
    void (async () => {
      for await (const message of messages) {
        stolen++;
        message.ack();
      }
    })();
    await store(nc, place.subject, chunks, Array.from({ length: 99 }, (_, nth) => nth + 1));
    await until(() => receiver.received.length === 1);
    assertEquals(await digestOf(receiver.received[0]!.data), await digestOf(payload));
    assertEquals(receiver.begun.length, 1);
    assert(stolen > 0, "the other one got nothing");
    messages.stop();
  },
);

test(
  "receiveFromStream() leaves a chunk without its ticket to the ticket's holder",
  SLOW,
  async () => {
    const nc = await servers.open();
    const place = await makePlace(nc);
    const [first, second] = await Promise.all(
      [1, 2].map(async () => receive(await servers.open(), place)),
    );
    const receipts = await Promise.all(
      [1, 2, 3, 4, 5, 6].map((nth) =>
        publishChunked(jetstream(nc), place.subject, payloadOf(400_000, nth), { chunkSize: 10_000 })
      ),
    );
    const all = () => [...first!.received, ...second!.received];
    await until(() => all().length === 6);
    const ids = all().map(({ context }) => context.uploadId).sort();
    assertEquals(ids, receipts.map(({ uploadId }) => uploadId).sort());
    for (const { context, data } of all()) {
      const receipt = receipts.find(({ uploadId }) => uploadId === context.uploadId)!;
      assertEquals(await digestOf(data), receipt.digest!);
    }
    await until(async () => await leftOf(nc, place) === 0);
    await Promise.all([first!.stop(), second!.stop()]);
  },
);

test(
  "receiveFromStream() works with one receiver at a time on a work queue with pinned clients",
  SLOW,
  async () => {
    const nc = await servers.open();
    const { stream, consumer } = await ensureChunkedStream(nc, {
      stream: "PINNED",
      subjects: "pinned",
      retention: "workqueue",
      ackWait: 2_000,
    });
    const place = { stream, consumer, subject: "pinned" };
    const mortal = await servers.open();
    const first = await receive(mortal, place);
    const js = jetstream(nc);
    const send = (nth: number) =>
      publishChunked(js, place.subject, payloadOf(500_000, nth), { chunkSize: 10_000 });
    await send(1);
    await until(() => first.received.length === 1);
    await using second = await receive(await servers.open(), place);
    await Promise.all([2, 3, 4].map(send));
    await until(() => first.received.length === 4);
    assertEquals(second.begun.length, 0);
    await mortal.close();
    const receipts = await Promise.all([5, 6].map(send));
    await until(() => second.received.length === 2);
    assertEquals(
      second.received.map(({ context }) => context.uploadId).sort(),
      receipts.map(({ uploadId }) => uploadId).sort(),
    );
    await until(async () => await messagesIn(nc, place) === 0);
  },
);

test(
  "receiveFromStream() removes chunks from a work queue whose ticket is gone",
  SLOW,
  async () => {
    const nc = await servers.open();
    const place = await makePlace(nc, "workqueue");
    await using receiver = await receive(nc, place);
    const chunks = cutByHand(payloadOf(1_000), 100);
    await store(nc, place.subject, chunks, [3, 4, 5]);
    const manager = await jetstreamManager(nc);
    await until(async () => await messagesIn(nc, place) === 0, { timeout: 30_000 });
    assertEquals((await manager.streams.info(place.stream)).state.last_seq, 3);
    assertEquals(receiver.begun, []);
  },
);

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
