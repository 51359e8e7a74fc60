import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { test } from "node:test";
import { ensureChunkedStream } from "../../src/chunked/ensure_chunked_stream.ts";
import type { EnsureChunkedStreamOptions } from "../../src/chunked/ensure_options.ts";
import { connect } from "../../src/connect/connect.ts";
import { startNatsServer } from "../../src/testing/mod.ts";
import { useServer } from "./_server.ts";

const servers = useServer();
const SLOW = { timeout: 30_000 };

test("ensureChunkedStream() makes a stream that keeps uploads and a consumer that fits", async () => {
  const nc = await servers.open();
  const report = await ensureChunkedStream(nc, { stream: "FIT", subjects: "fit" });
  assertEquals(report, {
    stream: "FIT",
    consumer: "receiver",
    created: ["stream", "consumer"],
    differences: [],
  });
  const manager = await jetstreamManager(nc);
  const { config } = await manager.streams.info("FIT");
  assertEquals(config.subjects, ["fit"]);
  assertEquals(config.retention, "limits");
  assertEquals(config.storage, "file");
  assertEquals(config.discard, "new");
  assertEquals(config.max_age, 24 * 3_600 * 1e9);
  assertEquals(config.duplicate_window, 3_600 * 1e9);
  assertEquals(config.allow_direct, true);
  const consumer = (await manager.consumers.info("FIT", "receiver")).config;
  assertEquals(consumer.ack_policy, "explicit");
  assertEquals(consumer.ack_wait, 30 * 1e9);
  assertEquals(consumer.max_deliver, -1);
  assertEquals(consumer.max_ack_pending, -1);
  assertEquals(consumer.priority_groups, undefined);
  assertEquals(consumer.filter_subject, undefined);
});

test("ensureChunkedStream() changes nothing when it is called again, nor with a client", async () => {
  const nc = await servers.open();
  const options: EnsureChunkedStreamOptions = { stream: "AGAIN", subjects: ["a", "b.>"] };
  await ensureChunkedStream(nc, options);
  const manager = await jetstreamManager(nc);
  const before = await manager.streams.info("AGAIN");
  const report = await ensureChunkedStream(jetstream(nc), options);
  assertEquals(report.created, []);
  assertEquals(report.differences, []);
  const after = await manager.streams.info("AGAIN");
  assertEquals(after.created, before.created);
  assertEquals(after.config, before.config);
});

test("ensureChunkedStream() reports what differs, and leaves it alone", async () => {
  const nc = await servers.open();
  const manager = await jetstreamManager(nc);
  await manager.streams.add({ name: "OTHER", subjects: ["other"], max_age: 60 * 1e9 });
  await manager.consumers.add("OTHER", { durable_name: "old", max_ack_pending: 7 });
  const report = await ensureChunkedStream(nc, {
    stream: "OTHER",
    subjects: ["other", "more"],
    consumer: "old",
  });
  assertEquals(report.created, []);
  const fields = report.differences.map(({ of, field }) => `${of}.${field}`);
  for (const field of ["stream.subjects", "stream.max_age", "consumer.max_ack_pending"]) {
    assert(fields.includes(field), `${field} is not among ${fields}`);
  }
  const pending = report.differences.find(({ field }) => field === "max_ack_pending");
  assertEquals(pending, { of: "consumer", field: "max_ack_pending", found: 7, wanted: -1 });
  const { config } = await manager.streams.info("OTHER");
  assertEquals(config.subjects, ["other"]);
  assertEquals(config.max_age, 60 * 1e9);
});

test("ensureChunkedStream() makes a consumer of first chunks for many receivers", async () => {
  const nc = await servers.open();
  const manager = await jetstreamManager(nc);
  const common = { layout: "per-chunk", consumer: "workers" } as const;
  for (
    const [stream, subjects, captured, filter] of [
      ["PLAIN", "plain", "plain.*.*", "plain.*.0"],
      ["DEEP", "deep.er", "deep.er.*.*", "deep.er.*.0"],
      ["ALL", "all.>", "all.>", "all.*.0"],
    ] as const
  ) {
    const report = await ensureChunkedStream(nc, { stream, subjects, ...common });
    assertEquals(report.differences, []);
    assertEquals((await manager.streams.info(stream)).config.subjects, [captured]);
    const { config } = await manager.consumers.info(stream, "workers");
    assertEquals(config.filter_subject, filter);
  }
  await ensureChunkedStream(nc, { stream: "TWO", subjects: ["x", "y"], ...common });
  const { config } = await manager.consumers.info("TWO", "workers");
  assertEquals(config.filter_subjects, ["x.*.0", "y.*.0"]);
});

for (const retention of ["workqueue", "interest"] as const) {
  test(`ensureChunkedStream() lets one receiver work at a time on a ${retention} stream`, async () => {
    const nc = await servers.open();
    const stream = `ONE_${retention}`;
    const report = await ensureChunkedStream(nc, { stream, subjects: stream, retention });
    assertEquals(report.differences, []);
    const manager = await jetstreamManager(nc);
    const { config } = await manager.consumers.info(stream, "receiver");
    assertEquals(config.priority_policy, "pinned_client");
    assertEquals(config.priority_groups, ["receiver"]);
    assertEquals(config.max_ack_pending, -1);
  });
}

test(
  "ensureChunkedStream() does without pinned clients where the server has none",
  SLOW,
  async () => {
    await using old = await startNatsServer({ version: "2.10.25" });
    const nc = await connect({ servers: old.url });
    try {
      const options: EnsureChunkedStreamOptions = {
        stream: "OLD",
        subjects: "old",
        retention: "workqueue",
      };
      const report = await ensureChunkedStream(nc, options);
      assertEquals(report.created, ["stream", "consumer"]);
      assertEquals(report.differences, []);
    } finally {
      await nc.close();
    }
  },
);

test("ensureChunkedStream() is called by several at once", async () => {
  const nc = await servers.open();
  const reports = await Promise.all(
    Array.from(
      { length: 8 },
      () => ensureChunkedStream(nc, { stream: "RACE", subjects: "race", retention: "workqueue" }),
    ),
  );
  for (const { differences } of reports) assertEquals(differences, []);
});

test("ensureChunkedStream() refuses options that cannot be honoured", async () => {
  const nc = await servers.open();
  const refused = async (options: object, kind: typeof TypeError | typeof RangeError) => {
    const wanted = { stream: "NO", subjects: "no", ...options } as EnsureChunkedStreamOptions;
    await assertRejects(() => ensureChunkedStream(nc, wanted), kind);
  };
  await refused({ stream: "a.b" }, RangeError);
  await refused({ stream: undefined }, TypeError);
  await refused({ subjects: [] }, TypeError);
  await refused({ subjects: [1] }, TypeError);
  await refused({ layout: "two" }, RangeError);
  await refused({ layout: "per-chunk", retention: "workqueue" }, RangeError);
  await refused({ maxAge: 1_000, duplicateWindow: 2_000 }, RangeError);
  await refused({ ackWait: 0 }, RangeError);
  await refused({ sizes: 1 }, TypeError);
  await refused({ domain: "a", apiPrefix: "b" }, TypeError);
  const manager = await jetstreamManager(nc);
  await assertRejects(() => manager.streams.info("NO"), Error, "stream not found");
});
