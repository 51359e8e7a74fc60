import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { test } from "node:test";
import { NoProgressError } from "../../src/errors.ts";
import { PublishWindow } from "../../src/_jetstream/publish_window.ts";
import { breathe, FakeClient, named } from "./_fake_client.ts";

const KB = 1_000;
const TIMEOUT = 20_000;

function message(n: number, size = KB) {
  return { subject: "s", data: new Uint8Array(size), msgId: `u:${n}` };
}

test("PublishWindow fails at the first error that does not pass, and sends no more", async () => {
  const fake = new FakeClient();
  const window = new PublishWindow(fake.js, { window: 2 * KB, timeout: TIMEOUT });
  await window.send(message(0));
  await window.send(message(1));
  const third = window.send(message(2));
  const refused = named("JetStreamApiError", { status: 400, code: 10054 });
  const acked: number[] = [];
  fake.published[1]!.refuse(refused);
  let reported = false;
  const rejection = assertRejects(() => third).then((error) => {
    reported = true;
    return error;
  });
  await breathe();
  assertEquals(reported, false, "the error was reported before what is under way settled");
  fake.published[0]!.refuse(named("JetStreamApiError", { status: 400, code: 1 }));
  assertStrictEquals(await rejection, refused);
  assertStrictEquals(await assertRejects(() => window.settled()), refused);
  assertStrictEquals(
    await assertRejects(() => window.send(message(3), () => acked.push(3))),
    refused,
  );
  assertEquals(fake.published.length, 2);
  assertEquals(acked, []);
});

test("PublishWindow tells what is acknowledged after the failure", async () => {
  const fake = new FakeClient();
  const window = new PublishWindow(fake.js, { window: 10 * KB, timeout: TIMEOUT });
  const acked: number[] = [];
  for (let n = 0; n < 3; n++) await window.send(message(n), () => acked.push(n));
  const own = new Error("the source broke");
  window.fail(own);
  window.fail(new Error("a later one"));
  const settled = assertRejects(() => window.settled());
  fake.published[2]!.ack();
  fake.published[0]!.ack();
  fake.published[1]!.refuse(named("TimeoutError"));
  assertStrictEquals(await settled, own);
  assertEquals(acked, [2, 0]);
  assertEquals(fake.published.length, 3);
});

test("PublishWindow fails with what the listener throws", async () => {
  const fake = new FakeClient();
  const window = new PublishWindow(fake.js, { window: 10 * KB, timeout: TIMEOUT });
  const own = new Error("wrong stream");
  await window.send(message(0), () => {
    throw own;
  });
  fake.published[0]!.ack();
  assertStrictEquals(await assertRejects(() => window.settled()), own);
});

test("PublishWindow does not wait for room in a stream that is full", async () => {
  const fake = new FakeClient();
  const window = new PublishWindow(fake.js, { window: 10 * KB, timeout: TIMEOUT });
  const full = named("JetStreamApiError", { status: 503, code: 10077 });
  await window.send(message(0));
  fake.published[0]!.refuse(full);
  assertStrictEquals(await assertRejects(() => window.settled()), full);
  assertEquals(fake.published.length, 1);
});

test("PublishWindow fails by name without permission and on a closed connection", async () => {
  const fake = new FakeClient();
  const window = new PublishWindow(fake.js, { window: 10 * KB, timeout: TIMEOUT });
  await window.send(message(0));
  const violation = named("PermissionViolationError");
  fake.published[0]!.refuse(named("RequestError", {}, violation));
  assertStrictEquals(await assertRejects(() => window.settled()), violation);

  const other = new PublishWindow(fake.js, { window: 10 * KB, timeout: TIMEOUT });
  await other.send(message(0));
  fake.nc.closed = true;
  (await fake.at(1)).refuse(named("RequestError"));
  const error = await assertRejects(() => other.settled(), Error);
  assertEquals(error.name, "ConnectionClosedError");
});

test("PublishWindow notices a connection that is closed between two attempts", async () => {
  const fake = new FakeClient();
  const window = new PublishWindow(fake.js, { window: 10 * KB, timeout: TIMEOUT });
  await window.send(message(0));
  for (let n = 0; n < 4; n++) (await fake.at(n)).refuse(named("NoResponders"));
  await breathe();
  fake.nc.closed = true;
  const start = performance.now();
  const error = await assertRejects(() => window.settled(), Error);
  assertEquals(error.name, "ConnectionClosedError");
  assertEquals((error.cause as Error).name, "NoResponders");
  assert(performance.now() - start < 1_000);
});

test("PublishWindow fails after the timeout without any acknowledgement, with the last trouble", async () => {
  const fake = new FakeClient();
  const window = new PublishWindow(fake.js, { window: 10 * KB, timeout: 400 });
  await window.send(message(0));
  const trouble = named("NoResponders");
  const start = performance.now();
  const answering = (async () => {
    for (let n = 0;; n++) (await fake.at(n)).refuse(trouble);
  })().catch(() => {});
  const error = await assertRejects(() => window.settled(), NoProgressError);
  const took = performance.now() - start;
  assert(took >= 390 && took < 1_500, `took ${took} ms`);
  assertEquals(error.timeout, 400);
  assert(error.message.includes('"s"'), error.message);
  assertStrictEquals(error.cause, trouble);
  void answering;
});

test("PublishWindow does not time out as long as anything is acknowledged, nor while idle", async () => {
  const fake = new FakeClient();
  const window = new PublishWindow(fake.js, { window: 100 * KB, timeout: 300 });
  const ackFirst = (id: string) =>
    fake.published.find(({ options }) => options.msgID === id)!.ack();
  await window.send(message(0));
  for (let n = 1; n <= 5; n++) {
    await window.send(message(n));
    await new Promise((resolve) => setTimeout(resolve, 120));
    ackFirst(`u:${n}`);
  }
  ackFirst("u:0");
  await window.settled();
  await new Promise((resolve) => setTimeout(resolve, 400)); // longer than the timeout, with nothing under way
  await window.send(message(6));
  ackFirst("u:6");
  await window.settled();
});

test("PublishWindow ends with the signal's reason when it aborts", async () => {
  const fake = new FakeClient();
  const controller = new AbortController();
  const window = new PublishWindow(fake.js, {
    window: KB,
    timeout: TIMEOUT,
    signal: controller.signal,
  });
  await window.send(message(0));
  const waiting = window.send(message(1));
  const reason = new Error("enough");
  controller.abort(reason);
  fake.published[0]!.ack();
  assertStrictEquals(await assertRejects(() => waiting), reason);
  assertStrictEquals(await assertRejects(() => window.settled()), reason);
  assertEquals(fake.published.length, 1);

  const late = new PublishWindow(fake.js, {
    window: KB,
    timeout: TIMEOUT,
    signal: controller.signal,
  });
  assertStrictEquals(await assertRejects(() => late.send(message(0))), reason);
  assertEquals(fake.published.length, 1);
});

test("PublishWindow does not let silence hold up an abort", async () => {
  const fake = new FakeClient();
  const controller = new AbortController();
  const window = new PublishWindow(fake.js, {
    window: 10 * KB,
    timeout: TIMEOUT,
    signal: controller.signal,
  });
  await window.send(message(0));
  const start = performance.now();
  controller.abort();
  const error = await assertRejects(() => window.settled(), Error);
  assertEquals(error.name, "AbortError");
  assert(performance.now() - start < 3_000);
  fake.published[0]!.ack();
});

test("PublishWindow refuses a client that does not give its connection", () => {
  for (const js of [{}, { nc: {} }, null]) {
    let error: unknown;
    try {
      new PublishWindow(js as never, { window: 1, timeout: 1 });
    } catch (caught) {
      error = caught;
    }
    assert(error instanceof TypeError);
    assert(error.message.includes("jetstream(nc)"), error.message);
  }
});
