import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { headers } from "@nats-io/nats-core";
import { test } from "node:test";
import { PublishWindow } from "../../src/_jetstream/publish_window.ts";
import { breathe, FakeClient, named, tooMany } from "./_fake_client.ts";

const KB = 1_000;
const TIMEOUT = 20_000;

function message(n: number, size = KB) {
  return { subject: "s", data: new Uint8Array(size), msgId: `u:${n}` };
}

test("PublishWindow.send() publishes with the message id, the headers and without upstream retries", async () => {
  const fake = new FakeClient();
  const window = new PublishWindow(fake.js, { window: 10 * KB, timeout: TIMEOUT });
  const own = headers();
  await window.send({ subject: "a.b", data: new Uint8Array([1, 2]), headers: own, msgId: "u:7" });
  const { subject, data, options } = await fake.at(0);
  assertEquals(subject, "a.b");
  assertEquals([...data], [1, 2]);
  assertEquals(options.msgID, "u:7");
  assertEquals(options.retries, 1);
  assertStrictEquals(options.headers, own);
  fake.published[0]!.ack();
  await window.settled();
});

test("PublishWindow.send() waits for room in bytes and goes on with the first acknowledgement", async () => {
  const fake = new FakeClient();
  const window = new PublishWindow(fake.js, { window: 3 * KB, timeout: TIMEOUT });
  const sent: number[] = [];
  const sending = (async () => {
    for (let n = 0; n < 5; n++) {
      await window.send(message(n));
      sent.push(n);
    }
  })();
  await fake.at(2);
  await breathe();
  assertEquals(sent, [0, 1, 2]);
  fake.published[1]!.ack();
  await fake.at(3);
  await breathe();
  assertEquals(sent, [0, 1, 2, 3]);
  fake.published[0]!.ack();
  await sending;
  for (const at of [2, 3, 4]) (await fake.at(at)).ack();
  await window.settled();
  assertEquals(fake.published.map(({ options }) => options.msgID), [
    "u:0",
    "u:1",
    "u:2",
    "u:3",
    "u:4",
  ]);
});

test("PublishWindow.send() lets a message above the whole window through alone", async () => {
  const fake = new FakeClient();
  const window = new PublishWindow(fake.js, { window: KB, timeout: TIMEOUT });
  await window.send(message(0, 5 * KB));
  const second = window.send(message(1, 5 * KB));
  await breathe();
  assertEquals(fake.published.length, 1);
  fake.published[0]!.ack();
  await second;
  assertEquals(fake.published.length, 2);
  fake.published[1]!.ack();
  await window.settled();
});

test("PublishWindow.send() counts tiny messages, so that their number is bounded too", async () => {
  const fake = new FakeClient();
  const window = new PublishWindow(fake.js, { window: 4 * 512, timeout: TIMEOUT });
  const sending = Array.from({ length: 6 }, (_, n) => window.send(message(n, 1)));
  await fake.at(3);
  await breathe();
  assertEquals(fake.published.length, 4);
  for (let n = 0; n < 6; n++) (await fake.at(n)).ack();
  await Promise.all(sending);
  await window.settled();
});

test("PublishWindow tells the listener the acknowledgement and the attempts it took", async () => {
  const fake = new FakeClient();
  const window = new PublishWindow(fake.js, { window: 10 * KB, timeout: TIMEOUT });
  const acks: [number, boolean, number][] = [];
  await window.send(
    message(0),
    ({ seq, duplicate }, attempts) => acks.push([seq, duplicate, attempts]),
  );
  (await fake.at(0)).refuse(named("TimeoutError"));
  (await fake.at(1)).ack({ seq: 42, duplicate: true });
  await window.settled();
  assertEquals(acks, [[42, true, 2]]);
});

test("PublishWindow sends again with the same id when the trouble may pass", async () => {
  const troubles = [
    named("TimeoutError"),
    named("JetStreamNotEnabled", {}, named("RequestError", {}, named("NoResponders"))),
    named("RequestError", {}, named("NoResponders")),
    tooMany(),
    named("ConnectionError"),
  ];
  for (const trouble of troubles) {
    const fake = new FakeClient();
    const window = new PublishWindow(fake.js, { window: 10 * KB, timeout: TIMEOUT });
    await window.send(message(3));
    (await fake.at(0)).refuse(trouble);
    const repeat = await fake.at(1);
    assertEquals(repeat.options.msgID, "u:3", trouble.name);
    assertStrictEquals(repeat.data, fake.published[0]!.data);
    repeat.ack();
    await window.settled();
    assertEquals(fake.published.length, 2);
  }
});

test("PublishWindow halves once for what was lost together, and grows back to its size", async () => {
  for (const trouble of [tooMany(), named("TimeoutError")]) {
    const fake = new FakeClient();
    const window = new PublishWindow(fake.js, { window: 8 * KB, timeout: TIMEOUT });
    for (let n = 0; n < 8; n++) await window.send(message(n));
    for (let n = 0; n < 8; n++) fake.published[n]!.refuse(trouble);
    await fake.at(11); // the repeats, as many as half the window lets through
    await breathe();
    assertEquals(window.size, 4 * KB, trouble.name);
    assertEquals(fake.published.length, 12);

    // What was lost together a second time halves it once more.
    for (let n = 8; n < 12; n++) fake.published[n]!.refuse(trouble);
    await fake.at(13);
    await breathe();
    assertEquals(window.size, 2 * KB);
    assertEquals(fake.published.length, 14);

    const sizes: number[] = [];
    for (let n = 12; n < 20; n++) {
      (await fake.at(n)).ack();
      await breathe();
      sizes.push(window.size);
    }
    await window.settled();
    assertEquals(sizes[0], 2.5 * KB);
    assertEquals(sizes, [...sizes].sort((a, b) => a - b));
    assert(sizes.at(-1)! < 8 * KB, `grew to ${sizes.at(-1)} at once`);

    for (let n = 20; n < 60; n++) {
      await window.send(message(n));
      (await fake.at(n)).ack();
    }
    await window.settled();
    assertEquals(window.size, 8 * KB);
  }
});

test("PublishWindow does not shrink below one message, nor for an election", async () => {
  const fake = new FakeClient();
  const window = new PublishWindow(fake.js, { window: 3 * KB, timeout: TIMEOUT });
  await window.send(message(0, 2 * KB));
  for (let n = 0; n < 3; n++) (await fake.at(n)).refuse(tooMany());
  await fake.at(3);
  assertEquals(window.size, 2 * KB);
  fake.published[3]!.refuse(named("NoResponders"));
  (await fake.at(4)).ack();
  await window.settled();

  const other = new PublishWindow(fake.js, { window: 8 * KB, timeout: TIMEOUT });
  await other.send(message(1));
  (await fake.at(5)).refuse(named("NoResponders"));
  (await fake.at(6)).ack();
  await other.settled();
  assertEquals(other.size, 8 * KB);
});

test("PublishWindow holds new messages back while lost ones wait to be sent again", async () => {
  const fake = new FakeClient();
  const window = new PublishWindow(fake.js, { window: 2 * KB, timeout: TIMEOUT });
  await window.send(message(0));
  await window.send(message(1));
  const third = window.send(message(2));
  fake.published[0]!.refuse(named("NoResponders"));
  fake.published[1]!.refuse(named("NoResponders"));
  const repeats = [await fake.at(2), await fake.at(3)];
  assertEquals(new Set(repeats.map(({ options }) => options.msgID)), new Set(["u:0", "u:1"]));
  for (const repeat of repeats) repeat.ack();
  await third;
  assertEquals((await fake.at(4)).options.msgID, "u:2");
  fake.published[4]!.ack();
  await window.settled();
});

test("PublishWindow takes a late acknowledgement of an earlier attempt", async () => {
  const fake = new FakeClient();
  const window = new PublishWindow(fake.js, { window: 10 * KB, timeout: TIMEOUT });
  let acked = 0;
  await window.send(message(0), (ack) => acked = ack.seq);
  await fake.at(0);
  // A reconnect makes it send again although the first answer is still open.
  fake.nc.info = { server_id: "S", client_id: 2 };
  await fake.at(1);
  fake.published[0]!.ack({ seq: 9 });
  await window.settled();
  assertEquals(acked, 9);
  assertEquals(fake.published.length, 2);
});

test("PublishWindow sends again soon after a reconnect instead of waiting for answers", async () => {
  const fake = new FakeClient();
  const window = new PublishWindow(fake.js, { window: 10 * KB, timeout: TIMEOUT });
  for (let n = 0; n < 3; n++) await window.send(message(n));
  const start = performance.now();
  fake.nc.info = undefined;
  fake.nc.info = { server_id: "S2", client_id: 1 };
  for (let n = 3; n < 6; n++) (await fake.at(n)).ack();
  await window.settled();
  assert(performance.now() - start < 2_000);
  assertEquals(new Set(fake.published.slice(3).map(({ options }) => options.msgID)).size, 3);
  assertEquals(window.size, 10 * KB);
});

test("PublishWindow sends again when no answer comes, each time after a longer wait", async () => {
  const fake = new FakeClient();
  const window = new PublishWindow(fake.js, { window: 100 * KB, timeout: 1_600 });
  const start = performance.now();
  await window.send(message(0));
  const moments: number[] = [];
  for (let n = 1; n <= 2; n++) {
    await fake.at(n);
    moments.push(performance.now() - start);
  }
  fake.published[2]!.ack();
  await window.settled();
  assert(moments[0]! >= 440 && moments[0]! < 1_000, `first repeat after ${moments[0]} ms`);
  assert(moments[1]! - moments[0]! >= 800, `second repeat after ${moments[1]} ms`);
});
