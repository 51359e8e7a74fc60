import { assert, assertEquals, assertRejects } from "@std/assert";
import { jetstream, type JetStreamClient, jetstreamManager } from "@nats-io/jetstream";
import type { JetStreamManager, StreamConfig } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/nats-core";
import { after, before, test } from "node:test";
import { describeStream } from "../../src/_jetstream/describe_stream.ts";
import { connect } from "../../src/connect/connect.ts";
import { NoStreamError } from "../../src/errors.ts";
import type { NatsServer } from "../../src/testing/nats_server.ts";
import { startNatsServer } from "../../src/testing/start_nats_server.ts";

/** For tests that start servers of their own: Bun gives a test five seconds by default. */
const SLOW = { timeout: 60_000 };

let server: NatsServer;
let nc: NatsConnection;
let js: JetStreamClient;
let jsm: JetStreamManager;

before(async () => {
  server = await startNatsServer({
    config: `
      authorization { users: [
        { user: "all", password: "p" }
        { user: "publisher", password: "p", permissions: { publish: { deny: ["$JS.API.>"] } } }
        { user: "no_consumers", password: "p",
          permissions: { publish: { deny: ["$JS.API.CONSUMER.>"] } } }
      ] }
    `,
  });
  nc = await connect({ servers: server.url, user: "all", password: "p" });
  js = jetstream(nc);
  jsm = await jetstreamManager(nc);
});

after(async () => {
  await nc?.close();
  await server?.stop();
});

/** Creates a stream for the subject `<name>.>`. */
async function addStream(name: string, config: Partial<StreamConfig> = {}): Promise<string> {
  await jsm.streams.add({ name, subjects: [`${name}.>`], ...config });
  return `${name}.up`;
}

async function fill(subject: string, count: number, size: number): Promise<void> {
  for (let n = 0; n < count; n++) await js.publish(subject, new Uint8Array(size));
}

test("describeStream() finds the stream, its limit and what it holds on the subject", async () => {
  const subject = await addStream("PLAIN", { max_msg_size: 5_000 });
  await fill(subject, 2, 10);
  await fill("PLAIN.other", 3, 10);
  const { facts, maxMessageSize, warnings } = await describeStream(js, subject);
  assertEquals(facts?.name, "PLAIN");
  assertEquals(facts?.config.subjects, ["PLAIN.>"]);
  assertEquals(facts?.state.messages, 5);
  assertEquals(facts?.onSubject, 2);
  assertEquals(facts?.interest, undefined);
  assertEquals(maxMessageSize, 5_000);
  assertEquals(warnings, []);
  await addStream("BARE");
  assertEquals((await describeStream(js, "BARE.up")).maxMessageSize, undefined);
});

test("describeStream() names the subject that no stream captures", async () => {
  const error = await assertRejects(() => describeStream(js, "nobody.wants.this"), NoStreamError);
  assertEquals(error.subject, "nobody.wants.this");
  assert(error.message.includes('"nobody.wants.this"'), error.message);
});

test("describeStream() does not take a mirror for the stream that captures its subjects", async () => {
  await addStream("ORIGIN");
  await jsm.streams.add({ name: "MIRROR", mirror: { name: "ORIGIN" } });
  assertEquals((await describeStream(js, "ORIGIN.up")).facts?.name, "ORIGIN");
});

test("describeStream() goes on with a warning, at once, when it may not ask", async () => {
  const subject = await addStream("DENIED");
  const other = await connect({ servers: server.url, user: "publisher", password: "p" });
  try {
    const start = performance.now();
    const description = await describeStream(jetstream(other), subject);
    assert(performance.now() - start < 1_000, "it waited for a timeout");
    assertEquals(description.facts, undefined);
    assertEquals(description.maxMessageSize, undefined);
    assertEquals(description.warnings.length, 1);
    assert(description.warnings[0]!.includes("permission"), description.warnings[0]);
  } finally {
    await other.close();
  }
});

test("describeStream() warns when it may not ask for consumers, of interest streams only", async () => {
  const wanted = await addStream("INTEREST_DENIED", { retention: "interest" });
  const limits = await addStream("LIMITS_DENIED");
  const other = await connect({ servers: server.url, user: "no_consumers", password: "p" });
  try {
    const description = await describeStream(jetstream(other), wanted);
    assertEquals(description.facts?.name, "INTEREST_DENIED");
    assertEquals(description.facts?.interest, undefined);
    assertEquals(description.warnings.length, 1);
    assert(description.warnings[0]!.includes("INTEREST_DENIED"), description.warnings[0]);
    assertEquals((await describeStream(jetstream(other), limits)).warnings, []);
  } finally {
    await other.close();
  }
});

test("describeStream() ends with the signal's reason, and with the error of a closed connection", async () => {
  const reason = new Error("enough");
  const error = await assertRejects(() =>
    describeStream(js, "PLAIN.up", { signal: AbortSignal.abort(reason) })
  );
  assertEquals(error, reason);
  const closed = await connect({ servers: server.url, user: "all", password: "p" });
  await closed.close();
  const other = await assertRejects(() => describeStream(jetstream(closed), "PLAIN.up"), Error);
  assertEquals(other.name, "ConnectionClosedError");
});

test("describeStream() says soon that there is no JetStream", SLOW, async () => {
  await using bare = await startNatsServer({ jetstream: false });
  const other = await connect({ servers: bare.url });
  try {
    const start = performance.now();
    const error = await assertRejects(() => describeStream(jetstream(other), "a.b"), Error);
    assertEquals(error.name, "JetStreamNotEnabled");
    assert(performance.now() - start < 3_000);
  } finally {
    await other.close();
  }
});

test("describeStream() waits for a server that comes back", SLOW, async () => {
  await using mortal = await startNatsServer();
  const other = await connect({ servers: mortal.url, reconnectWait: 50 });
  try {
    const manager = await jetstreamManager(other);
    await manager.streams.add({ name: "BACK", subjects: ["BACK.>"] });
    await mortal.kill();
    const asking = describeStream(jetstream(other, { timeout: 500 }), "BACK.up");
    await mortal.restart();
    assertEquals((await asking).facts?.name, "BACK");
  } finally {
    await other.close();
  }
});
