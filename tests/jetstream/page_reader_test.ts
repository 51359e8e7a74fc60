import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/nats-core";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { test } from "node:test";
import { Budget } from "../../src/_budget.ts";
import { PageReader, type PageReaderOptions } from "../../src/_jetstream/page_reader.ts";
import { connect } from "../../src/connect/connect.ts";
import { startNatsServer } from "../../src/testing/mod.ts";
import { useServer } from "../chunked/_server.ts";

const SLOW = { timeout: 30_000 };
const servers = useServer();
const { signal } = new AbortController();

/** A stream with `count` messages of 1,000 bytes on its subjects `a` and `b`, in turn. */
async function fill(nc: NatsConnection, name: string, count: number, direct = true): Promise<void> {
  const manager = await jetstreamManager(nc);
  await manager.streams.add({ name, subjects: [`${name}.>`], allow_direct: direct });
  const js = jetstream(nc);
  const each = Array.from({ length: count }, (_, at) => at);
  for (const at of each) await js.publish(`${name}.${"ab"[at % 2]}`, bytes(at));
}

function bytes(at: number): Uint8Array {
  return new Uint8Array(1_000).fill(at);
}

function reader(
  nc: NatsConnection,
  stream: string,
  options: Partial<PageReaderOptions> = {},
): PageReader {
  return new PageReader(jetstream(nc), stream, {
    budget: new Budget(1e6),
    direct: true,
    ...options,
  });
}

test("read() hands over a page in order, with as many bytes as are wanted", async () => {
  const nc = await servers.open();
  await fill(nc, "PAGE", 20);
  const budget = new Budget(1e6);
  const pages = reader(nc, "PAGE", { budget });
  const query = { from: 3, subject: "PAGE.>", maxBytes: 6_000, leastBytes: 1_500 };
  const seen: number[] = [];
  const granted: number[] = [];
  const bodies: Uint8Array[] = [];
  const subjects: string[] = [];
  const count = await pages.read(query, (message, grant) => {
    seen.push(message.sequence);
    granted.push(grant);
    bodies.push(new Uint8Array(message.data));
    subjects.push(message.subject);
    return true;
  }, signal);
  assertEquals(count, seen.length);
  assert(count >= 3 && count <= 6, `${count} messages`);
  assertEquals(seen, Array.from({ length: count }, (_, at) => at + 3));
  assertEquals(bodies, seen.map((sequence) => bytes(sequence - 1)));
  assertEquals(subjects, seen.map((sequence) => `PAGE.${"ab"[(sequence - 1) % 2]}`));
  assertEquals(new Set(granted), new Set([1_000]));
  assertEquals(budget.used, 0);
});

test("read() keeps to one subject, and ends where it is told to", async () => {
  const nc = await servers.open();
  await fill(nc, "ONLY", 20);
  const pages = reader(nc, "ONLY");
  const query = { from: 1, subject: "ONLY.b", maxBytes: 100_000, leastBytes: 1_500 };
  const seen: number[] = [];
  await pages.read(query, ({ sequence }) => seen.push(sequence) < 4, signal);
  assertEquals(seen, [2, 4, 6, 8]);
});

test("read() fails with what its caller throws, and leaves the connection alone", async () => {
  const nc = await servers.open();
  await fill(nc, "THROWS", 2);
  const budget = new Budget(10_000);
  const query = { from: 1, subject: "THROWS.>", maxBytes: 5_000, leastBytes: 1_500 };
  const reading = reader(nc, "THROWS", { budget }).read(query, () => {
    throw new Error("mine");
  }, signal);
  await assertRejects(() => reading, Error, "mine");
  assertEquals(budget.used, 0);
  await nc.flush();
});

test("read() says that there is nothing on the word of the leader", async () => {
  const nc = await servers.open();
  await fill(nc, "NONE", 2);
  const query = { from: 3, subject: "NONE.>", maxBytes: 100_000, leastBytes: 1_500 };
  assertEquals(await reader(nc, "NONE").read(query, () => true, signal), 0);
  const unknown = { ...query, from: 1, subject: "NONE.c" };
  assertEquals(await reader(nc, "NONE").read(unknown, () => true, signal), 0);
});

test("read() asks the leader where the stream allows no direct gets, or not any more", async () => {
  const nc = await servers.open();
  await fill(nc, "LEADER", 3, false);
  for (const direct of [false, true]) {
    const query = { from: 2, subject: "LEADER.>", maxBytes: 100_000, leastBytes: 1_500 };
    const seen: number[] = [];
    const pages = reader(nc, "LEADER", { direct });
    assertEquals(await pages.read(query, ({ sequence }) => seen.push(sequence) > 0, signal), 1);
    assertEquals(seen, [2]);
  }
});

test("read() gets one message at a time from a server without batches", SLOW, async () => {
  await using old = await startNatsServer({ version: "2.10.25" });
  const nc = await connect({ servers: old.url });
  try {
    await fill(nc, "OLD", 5);
    const pages = reader(nc, "OLD");
    const seen: number[] = [];
    for (let from = 1;; from = seen.at(-1)! + 1) {
      const query = { from, subject: "OLD.>", maxBytes: 100_000, leastBytes: 1_500 };
      const count = await pages.read(query, ({ sequence }) => seen.push(sequence) > 0, signal);
      if (count === 0) break;
      assertEquals(count, 1);
    }
    assertEquals(seen, [1, 2, 3, 4, 5]);
  } finally {
    await nc.close();
  }
});

test("read() waits for room in the budget", async () => {
  const nc = await servers.open();
  await fill(nc, "ROOM", 2);
  const budget = new Budget(10_000);
  budget.adjust(10_000);
  const query = { from: 1, subject: "ROOM.>", maxBytes: 5_000, leastBytes: 1_500 };
  let count = 0;
  const reading = reader(nc, "ROOM", { budget }).read(query, () => ++count > 0, signal);
  await nc.flush();
  assertEquals(count, 0);
  budget.release(10_000);
  assertEquals(await reading, 2);
});

test("read() fails when nobody answers, is aborted, or the connection is lost", SLOW, async () => {
  await using silent = await startNatsServer();
  const nc = await connect({ servers: silent.url });
  try {
    await fill(nc, "SILENT", 2);
    const query = { from: 1, subject: "SILENT.>", maxBytes: 5_000, leastBytes: 1_500 };
    const pages = reader(nc, "SILENT", { idleTimeout: 300 });
    await silent.pause();
    const error = await assertRejects(() => pages.read(query, () => true, signal));
    assertEquals((error as Error).name, "TimeoutError");
    const stop = new AbortController();
    const aborted = reader(nc, "SILENT").read(query, () => true, stop.signal);
    setTimeout(() => stop.abort(new Error("enough")), 20);
    await assertRejects(() => aborted, Error, "enough");
    const lost = reader(nc, "SILENT");
    const reading = lost.read(query, () => true, signal);
    setTimeout(() => lost.interrupt(), 20);
    assertEquals((await assertRejects(() => reading) as Error).name, "ConnectionError");
    await silent.resume();
  } finally {
    await nc.close();
  }
});
