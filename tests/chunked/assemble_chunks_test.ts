import { after, afterEach, before, test } from "node:test";
import {
  type ConsumerMessages,
  jetstream,
  type JetStreamManager,
  jetstreamManager,
} from "@nats-io/jetstream";
import type { Msg, NatsConnection } from "@nats-io/nats-core";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  assembleChunks,
  type ChunkedPayload,
  type NatsMessage,
  publishChunked,
  type RejectedEvent,
} from "../../src/chunked/mod.ts";
import { connect } from "../../src/connect/connect.ts";
import { ChunkedPublishError } from "../../src/errors.ts";
import { type NatsServer, startNatsServer } from "../../src/testing/mod.ts";
import { until } from "../_until.ts";
import { startReceiver } from "./_receiver.ts";
import { coreMessage, cutByHand, headersOf, payloadOf, storedMessage } from "./_support.ts";

let server: NatsServer;
let nc: NatsConnection;
let jsm: JetStreamManager;
const opened: NatsConnection[] = [];
before(async () => {
  server = await startNatsServer();
  nc = await connect({ servers: server.url });
  jsm = await jetstreamManager(nc);
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((each) => each.close()));
});
after(async () => {
  await nc?.close();
  await server?.stop();
});

async function open(): Promise<NatsConnection> {
  const other = await connect({ servers: server.url });
  opened.push(other);
  return other;
}

/** A stream of its own with a durable consumer. */
async function addStream(name: string, config: object = {}): Promise<string> {
  await jsm.streams.add({ name, subjects: [name] });
  await jsm.consumers.add(name, { durable_name: "reader", ack_policy: "explicit", ...config });
  return name;
}

async function consume(name: string): Promise<ConsumerMessages> {
  const consumer = await jetstream(await open()).consumers.get(name, "reader");
  return await consumer.consume({ max_bytes: 16 * 1024 * 1024 });
}

const pending = async (name: string): Promise<number> =>
  (await jsm.consumers.info(name, "reader")).num_ack_pending;

const send = (subject: string, data: Uint8Array, chunkSize = 1_000): Promise<unknown> =>
  publishChunked(jetstream(nc), subject, data, { chunkSize });

test("assembleChunks() acknowledges a stream's messages with ack(), and not before", async () => {
  const name = await addStream("ACK");
  const data = payloadOf(4_500);
  await send(name, data);
  for await (const payload of assembleChunks(await consume(name))) {
    assertEquals(payload.data, data);
    assertEquals(await pending(name), 5);
    await payload.ack();
    assertEquals(await pending(name), 0);
    await payload.ack();
    payload.nak();
    break;
  }
  assertEquals((await jsm.consumers.info(name, "reader")).num_redelivered, 0);
});

test("assembleChunks() acknowledges by asking for the next payload", async () => {
  const name = await addStream("NEXT");
  await send(name, payloadOf(2_500, 1));
  await send(name, payloadOf(3_500, 2));
  const seen: number[] = [];
  for await (const { size } of assembleChunks(await consume(name))) {
    seen.push(size, await pending(name));
    if (seen.length === 4) break;
  }
  // The first three messages were acknowledged when the second payload was asked for; the second was left.
  assertEquals([seen[0], seen[2], seen[3]], [2_500, 3_500, 4]);
  assert(seen[1]! >= 3);
});

test("assembleChunks() gets a payload again after nak(), soon where it says so", async () => {
  const name = await addStream("NAK");
  const data = payloadOf(2_500);
  await send(name, data);
  const deliveries: Uint8Array[] = [];
  const rejected: RejectedEvent[] = [];
  const onRejected = (event: RejectedEvent): void => void rejected.push(event);
  for await (const payload of assembleChunks(await consume(name), { onRejected })) {
    deliveries.push(payload.data);
    if (deliveries.length === 1) {
      payload.nak(50);
      continue;
    }
    await payload.ack();
    break;
  }
  assertEquals(deliveries, [data, data]);
  assertEquals(rejected.map(({ reason, scope }) => [reason, scope]), [["rejected", "upload"]]);
  assertEquals(await pending(name), 0);
});

test("assembleChunks() leaves what was not acknowledged to the next receiver", async () => {
  const name = await addStream("ABANDON");
  const data = payloadOf(2_500);
  await send(name, data);
  for await (const payload of assembleChunks(await consume(name))) {
    assertEquals(payload.size, 2_500);
    break;
  }
  const startedAt = performance.now();
  for await (const payload of assembleChunks(await consume(name))) {
    assertEquals(payload.data, data);
    await payload.ack();
    break;
  }
  assert(performance.now() - startedAt < 5_000); // at once, not after the ack wait of 30 s
  assertEquals(await pending(name), 0);
});

test("assembleChunks() yields interleaved uploads of a stream, stored out of order and twice", async () => {
  const name = await addStream("MIXED");
  const sources = [payloadOf(3_500, 1), payloadOf(2_000, 2), payloadOf(10, 3)];
  const chunks = sources.flatMap((data) => cutByHand(data, 1_000));
  for (const { headers, data } of [...chunks.toReversed(), ...chunks]) {
    await jetstream(nc).publish(name, data, { headers: headersOf(headers) });
  }
  const got: ChunkedPayload[] = [];
  for await (const payload of assembleChunks(await consume(name))) {
    got.push(payload);
    await payload.ack();
    if (got.length === 3) break;
  }
  assertEquals(got.map(({ data }) => data).sort(), sources.toReversed().sort());
});

test("assembleChunks() goes on after a chunk that can never be right, and terms only that", async () => {
  const name = await addStream("POISON");
  const js = jetstream(nc);
  const data = payloadOf(2_500);
  const chunks = cutByHand(data, 1_000);
  const bad = { ...chunks[1]!.headers, "X-Chunk-Index": "one" };
  await js.publish(name, chunks[0]!.data, { headers: headersOf(chunks[0]!.headers) });
  await js.publish(name, chunks[1]!.data, { headers: headersOf(bad) });
  for (const { headers, data } of chunks.slice(1)) {
    await js.publish(name, data, { headers: headersOf(headers) });
  }
  const rejected: RejectedEvent[] = [];
  const onRejected = (event: RejectedEvent): void => void rejected.push(event);
  for await (const payload of assembleChunks(await consume(name), { onRejected })) {
    assertEquals(payload.data, data);
    await payload.ack();
    break;
  }
  assertEquals(rejected.map(({ reason, subject }) => [reason, subject]), [["malformed", name]]);
  assertEquals(await pending(name), 0);
});

test("assembleChunks() takes uploads beyond its room from a stream one after the other", async () => {
  const name = await addStream("ROOM");
  const sources = Array.from({ length: 4 }, (_, seed) => payloadOf(2_500, seed + 1));
  for (const data of sources) await send(name, data);
  const got: Uint8Array[] = [];
  const limits = { maxUploads: 1, maxBufferedBytes: 3_000, maxUploadBytes: 3_000 };
  for await (const payload of assembleChunks(await consume(name), limits)) {
    got.push(payload.data);
    await payload.ack();
    if (got.length === 4) break;
  }
  assertEquals(got.map((data) => data[0]!).sort(), sources.map((data) => data[0]!).sort());
});

test("assembleChunks() reports a digest that differs, and its sender hears of it", async () => {
  const [sender, own] = [await open(), await open()];
  const receiver = await startReceiver(own, "digest", {
    through: async function* (messages) {
      for await (const message of messages) {
        if (message.headers?.get("X-Chunk-Index") === "1") message.data[3]! ^= 1;
        yield message;
      }
    },
  });
  const publishing = publishChunked(sender, "digest", payloadOf(3_000), { chunkSize: 1_000 });
  const error = await assertRejects(() => publishing, ChunkedPublishError);
  assert(error.message.includes("the digest is SHA-256="), error.message);
  const { reason, scope } = receiver.rejected[0]!;
  assertEquals([reason, scope, receiver.payloads.length], ["digest", "upload", 0]);
  const { confirmed } = await publishChunked(sender, "digest", payloadOf(10));
  assertEquals([confirmed, receiver.payloads.length], [true, 1]);
});

test("assembleChunks() takes messages in while its body is slow, so that no queue grows", async () => {
  const [sender, own] = [await open(), await open()];
  const subscription = own.subscribe("slow");
  await own.flush();
  const gate = Promise.withResolvers<void>();
  let bodies = 0;
  const limits = { maxUploads: 3, connection: own };
  const loop = (async () => {
    for await (const payload of assembleChunks(subscription, limits)) {
      assertEquals(payload.size, 200_000);
      await gate.promise;
      await payload.ack();
      if (++bodies === 10) break;
    }
  })();
  const uploads = Array.from(
    { length: 10 },
    (_, seed) => publishChunked(sender, "slow", payloadOf(200_000, seed), { chunkSize: 10_000 }),
  );
  const all = Promise.all(uploads);
  // Three uploads are all that it has room for: 60 chunks, and the asks of everybody.
  await until(() => subscription.getReceived() >= 60);
  await sender.flush();
  await own.flush();
  await until(() => subscription.getPending() === 0);
  assert(subscription.getReceived() <= 60 + 10 * 5, `${subscription.getReceived()}`);
  gate.resolve();
  await all;
  await loop;
  assertEquals(bodies, 10);
});

test("assembleChunks() ends the subscription when its loop is left", async () => {
  const own = await open();
  const subscription = own.subscribe("left");
  await own.flush();
  const sending = publishChunked(nc, "left", payloadOf(10));
  for await (const payload of assembleChunks(subscription)) {
    await payload.ack();
    break;
  }
  await sending;
  assertEquals(subscription.isClosed(), true);
});

test("assembleChunks() ends when its messages end, and fails when they fail", async () => {
  const chunks = cutByHand(payloadOf(1_500), 1_000).map((chunk) => coreMessage(chunk) as Msg);
  async function* messages(failure?: Error): AsyncGenerator<NatsMessage> {
    yield* chunks;
    if (failure) throw failure;
  }
  const sizes: number[] = [];
  for await (const { size } of assembleChunks(messages())) sizes.push(size);
  assertEquals(sizes, [1_500]);
  const loop = async (): Promise<void> => {
    for await (const { size } of assembleChunks(messages(new Error("torn")))) sizes.push(size);
  };
  assertEquals((await assertRejects(loop, Error)).message, "torn");
  assertEquals(sizes, [1_500, 1_500]);
});

test("assembleChunks() survives headers that the client cannot decode", async () => {
  const own = await open();
  const receiver = await startReceiver(own, "garbage");
  const { protocol } = nc as unknown as {
    protocol: { sendCommand(command: string, ...payloads: Uint8Array[]): void };
  };
  const encoder = new TextEncoder();
  for (const line of ["not a name: 1", "X-Payload-Type: chunked-upload\rX: 1", ": empty"]) {
    const headers = encoder.encode(`NATS/1.0\r\n${line}\r\n\r\n`);
    const command = `HPUB garbage ${headers.length} ${headers.length}\r\n`;
    protocol.sendCommand(command, headers, encoder.encode("\r\n"));
  }
  const { confirmed } = await publishChunked(nc, "garbage", payloadOf(10));
  assertEquals([confirmed, receiver.payloads.length], [true, 1]);
  assert(receiver.rejected.length >= 2);
  for (const { reason } of receiver.rejected) assertEquals(reason, "malformed");
});

test("assembleChunks() refuses bad arguments at once, by name", () => {
  const messages = assertThrows(
    () => assembleChunks([] as unknown as AsyncIterable<Msg>),
    TypeError,
  );
  assertEquals(
    messages.message,
    "messages is no async iterable, wanted is a subscription or a consumer's messages",
  );
  async function* none(): AsyncGenerator<Msg> {}
  const option = assertThrows(() => assembleChunks(none(), { maxUploads: 0 }), RangeError);
  assertEquals(option.message, "maxUploads is 0, wanted is a whole number from 1");
});

test("assembleChunks() goes on when what it acknowledged by itself was not confirmed", async () => {
  async function* messages(): AsyncGenerator<NatsMessage> {
    for (let seq = 1; seq <= 2; seq++) {
      const [chunk] = cutByHand(payloadOf(5, seq), 10);
      const ackAck = (): Promise<boolean> => Promise.reject(new Error("timeout"));
      yield Object.assign(storedMessage(chunk!, { seq }), { ackAck });
    }
  }
  const seen: Uint8Array[] = [];
  for await (const { data } of assembleChunks(messages())) seen.push(data);
  assertEquals(seen, [payloadOf(5, 1), payloadOf(5, 2)]);
  const loop = async (): Promise<void> => {
    for await (const payload of assembleChunks(messages())) await payload.ack();
  };
  assertEquals((await assertRejects(loop, Error)).message, "timeout");
});
