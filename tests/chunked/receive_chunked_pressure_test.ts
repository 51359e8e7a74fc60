import { test } from "node:test";
import type { NatsConnection } from "@nats-io/nats-core";
import { assert, assertEquals } from "@std/assert";
import { inboundBudget } from "../../src/_lifecycle.ts";
import { publishChunked } from "../../src/chunked/publish_chunked.ts";
import { until } from "../_until.ts";
import { countingBytes } from "./_feed.ts";
import { useServer } from "./_server.ts";
import { startHandler } from "./_streaming.ts";
import { digestOf, payloadOf } from "./_support.ts";

const world = useServer();
const { open } = world;

const MiB = 1024 * 1024;

let subjects = 0;
const newSubject = (): string => `pressure.${++subjects}`;

/** How often the connection was lost, as it is when the server cuts off a client that does not keep up. */
function countCuts(nc: NatsConnection): () => number {
  let cuts = 0;
  const statuses = nc.status();
  void (async () => {
    for await (const { type } of statuses) if (type === "disconnect") cuts++;
  })();
  return () => cuts;
}

test(
  "receiveChunked() slows a sender down to the handler's pace",
  { timeout: 30_000 },
  async () => {
    const [nc, sender] = [await open(), await open()];
    const subject = newSubject();
    const cuts = countCuts(nc);
    const budget = inboundBudget(nc);
    let taken = 0;
    let used = 0;
    const gate = Promise.withResolvers<void>();
    const running = await startHandler(nc, subject, {
      onChunk: (chunk) => {
        taken += chunk.length;
        used = Math.max(used, budget.used);
        return taken > 20_000_000 ? gate.promise : undefined;
      },
    });
    const data = countingBytes(60_000_000);
    let confirmed = 0;
    const ahead: number[] = [];
    const sending = publishChunked(sender, subject, data, {
      timeout: 1_500,
      onProgress: ({ confirmedBytes }) => {
        confirmed = confirmedBytes;
        ahead.push(confirmedBytes - taken);
      },
    });
    await until(() => confirmed - taken >= 15 * MiB);
    // Longer than the sender's timeout: the receiver is full and says so.
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    assertEquals(running.taken.length, 0);
    gate.resolve();
    await sending;
    assertEquals(running.taken.map(({ digest }) => digest), [await digestOf(data)]);
    assert(Math.max(...ahead) <= 17 * MiB, `${Math.max(...ahead)} bytes ahead of the handler`);
    assert(used <= 32 * MiB, `${used} bytes held and under way`);
    assertEquals([cuts(), running.rejected, budget.used], [0, [], 0]);
  },
);

test(
  "receiveChunked() does not let handlers that wait for others starve them",
  { timeout: 30_000 },
  async () => {
    const nc = await open();
    const subject = newSubject();
    const budget = inboundBudget(nc);
    // Two handlers at a time read; what waits for the others would fill the buffer three times over.
    const waiting: (() => void)[] = [];
    let busy = 0;
    let used = 0;
    const running = await startHandler(nc, subject, {
      before: async () => {
        if (busy === 2) await new Promise<void>((resolve) => void waiting.push(resolve));
        busy++;
      },
      onChunk: () => void (used = Math.max(used, budget.used)),
      after: () => {
        busy--;
        waiting.shift()?.();
      },
    });
    const data = countingBytes(1_500_000);
    const senders = await Promise.all(Array.from({ length: 8 }, () => open()));
    await Promise.all(
      Array.from(
        { length: 80 },
        (_, at) => publishChunked(senders[at % 8]!, subject, data, { chunkSize: 500_000 }),
      ),
    );
    const digest = await digestOf(data);
    assertEquals(running.taken.map((each) => each.digest), new Array(80).fill(digest));
    assert(used <= 34 * MiB, `${used} bytes held and under way`);
    assertEquals([running.rejected, budget.used], [[], 0]);
  },
);

test(
  "receiveChunked() lets senders wait for which there is no place",
  { timeout: 30_000 },
  async () => {
    const nc = await open();
    const subject = newSubject();
    let most = 0;
    let now = 0;
    const running = await startHandler(nc, subject, {
      before: () => void (most = Math.max(most, ++now)),
      after: () => void now--,
      options: { maxUploads: 10 },
    });
    const data = payloadOf(20_000);
    const senders = await Promise.all(Array.from({ length: 10 }, () => open()));
    await Promise.all(
      Array.from(
        { length: 150 },
        (_, at) => publishChunked(senders[at % 10]!, subject, data, { chunkSize: 1_000 }),
      ),
    );
    const digest = await digestOf(data);
    assertEquals(running.taken.map((each) => each.digest), new Array(150).fill(digest));
    assertEquals([most, running.rejected], [10, []]);
  },
);

test(
  "receiveChunked() completes a thousand uploads with a hundred places",
  { timeout: 60_000 },
  async () => {
    const nc = await open();
    const subject = newSubject();
    const running = await startHandler(nc, subject);
    const data = payloadOf(30_000);
    const senders = await Promise.all(Array.from({ length: 20 }, () => open()));
    await Promise.all(
      Array.from(
        { length: 1_000 },
        (_, at) => publishChunked(senders[at % 20]!, subject, data, { chunkSize: 10_000 }),
      ),
    );
    const digest = await digestOf(data);
    assertEquals(new Set(running.taken.map((each) => each.digest)), new Set([digest]));
    assertEquals([running.taken.length, running.rejected], [1_000, []]);
  },
);

test("receiveChunked() serves others while handlers hang", { timeout: 30_000 }, async () => {
  const nc = await open();
  const subject = newSubject();
  const gate = Promise.withResolvers<void>();
  const running = await startHandler(nc, subject, {
    before: (_stream, { filename }) => filename === "hangs" ? gate.promise : undefined,
  });
  const data = countingBytes(12_000_000);
  const hanging = Array.from(
    { length: 10 },
    () => publishChunked(nc, subject, data, { filename: "hangs", chunkSize: 1_000_000 }),
  );
  await until(() => running.begun.length === 10);
  const sender = await open();
  await publishChunked(sender, subject, data, { chunkSize: 1_000_000 });
  assertEquals(running.taken.length, 1);
  gate.resolve();
  await Promise.all(hanging);
  assertEquals([running.taken.length, running.rejected], [11, []]);
});
