/** One subject for every chunk (PROTOCOL 5). */
import { test } from "node:test";
import {
  jetstream,
  type JetStreamManager,
  jetstreamManager,
  type StreamConfig,
} from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/nats-core";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { assembleChunks, publishChunked } from "../../src/chunked/mod.ts";
import {
  MessageDroppedError,
  NoStreamError,
  StreamChangedError,
  StreamUnfitError,
} from "../../src/errors.ts";
import { startNatsServer } from "../../src/testing/mod.ts";
import { useServer } from "./_server.ts";
import { piecesOf } from "./_sources.ts";
import { payloadOf } from "./_support.ts";
import { assertWhole, countingClient, failed } from "./_upload_world.ts";

const world = useServer();
const LONG = { timeout: 30_000 };
const DATA = payloadOf(45_000);
const OPTIONS = { layout: "per-chunk", chunkSize: 10_000 } as const;
let streams = 0;

async function openStream(
  config: (name: string) => Partial<StreamConfig> = () => ({}),
): Promise<{ nc: NatsConnection; jsm: JetStreamManager; name: string }> {
  const nc = await world.open();
  const jsm = await jetstreamManager(nc);
  const name = `LAYOUT${++streams}`;
  await jsm.streams.add({ name, subjects: [`${name}.*.*`], ...config(name) });
  return { nc, jsm, name };
}

test("publishChunked() gives every chunk a subject of its own", async () => {
  const { nc, jsm, name } = await openStream(() => ({ max_msgs_per_subject: 1 }));
  const receipt = await publishChunked(jetstream(nc), name, piecesOf(DATA, [3_000]), {
    ...OPTIONS,
    size: DATA.length,
  });
  assertEquals([receipt.chunkCount, receipt.warnings], [5, []]);
  await assertWhole(jsm, name, receipt.uploadId, DATA);
  const { state } = await jsm.streams.info(name, { subjects_filter: `${name}.>` });
  const wanted = [0, 1, 2, 3, 4].map((index) => [`${name}.${receipt.uploadId}.${index}`, 1]);
  assertEquals(state.subjects, Object.fromEntries(wanted));
  const first = await jsm.streams.getMessage(name, { last_by_subj: wanted[0]![0] as string });
  assertEquals(first!.header.get("Nats-Msg-Id"), `${receipt.uploadId}:0`);
  assertEquals(first!.header.get("X-Chunk-Count"), "5");
});

test("publishChunked() per chunk is read by a receiver of the whole prefix", async () => {
  const { nc, jsm, name } = await openStream();
  await publishChunked(jetstream(nc), name, DATA, { ...OPTIONS, filename: "a.bin" });
  await jsm.consumers.add(name, { durable_name: "all", ack_policy: "explicit" });
  const consumer = await jetstream(nc).consumers.get(name, "all");
  for await (const payload of assembleChunks(await consumer.consume({ max_bytes: 1_000_000 }))) {
    assertEquals([payload.data, payload.filename], [DATA, "a.bin"]);
    await payload.ack();
    break;
  }
});

test(
  "publishChunked() per chunk refuses streams that would not keep every chunk",
  LONG,
  async () => {
    const cases: [(name: string) => Partial<StreamConfig>, string, string][] = [
      [() => ({ retention: "workqueue" }), "retention", "workqueue"],
      [() => ({ retention: "interest" }), "retention", "interest"],
      [(name) => ({ subjects: [`${name}.*.0`] }), "subjects", ".*.0"],
      [(name) => ({ subjects: [`${name}.*.0`, `${name}.*.1`] }), "subjects", ".*.0, "],
      [
        (name) => ({ subjects: [`${name}.*.0`, `${name}.*.1`, `${name}.*.4`] }),
        "subjects",
        ".*.0, ",
      ],
    ];
    for (const [config, limit, found] of cases) {
      const { nc, name } = await openStream(config);
      const { js, published } = countingClient(nc);
      const error = await assertRejects(
        () => publishChunked(js, name, DATA, OPTIONS),
        StreamUnfitError,
      );
      assertEquals([error.limit, published], [limit, []]);
      assertStringIncludes(String(error.found), found);
    }
    const { nc, name } = await openStream((name) => ({ subjects: [`${name}.*.0`] }));
    await publishChunked(jetstream(nc), name, payloadOf(10), OPTIONS); // which is chunk 0 alone
    const nowhere = await assertRejects(
      () => publishChunked(jetstream(nc), "nowhere", DATA, OPTIONS),
      NoStreamError,
    );
    assertStringIncludes(nowhere.subject, "nowhere.");
  },
);

test(
  "publishChunked() per chunk fails by name when the rest goes to another stream",
  LONG,
  async () => {
    await using guarded = await startNatsServer({
      config: `authorization { users: [
      { user: all, password: x }
      { user: few, password: x, permissions: { publish: { deny: "$JS.API.>" } } }
    ] }`,
    });
    const jsm = await jetstreamManager(
      await world.open({ servers: guarded.url, user: "all", password: "x" }),
    );
    await jsm.streams.add({ name: "FIRST", subjects: ["split.*.0", "split.*.1"] });
    await jsm.streams.add({ name: "REST", subjects: ["split.*.2", "split.*.3", "split.*.4"] });
    const few = await world.open({ servers: guarded.url, user: "few", password: "x" });
    const error = await failed(publishChunked(jetstream(few), "split", DATA, OPTIONS));
    const { cause } = error;
    assert(cause instanceof StreamChangedError);
    assertEquals([cause.expected, cause.actual], ["FIRST", "REST"]);
    assertMatch(cause.subject, /^split\..*\.[234]$/);
  },
);

test("publishChunked() says that the stream was deleted in the middle", LONG, async () => {
  const { nc, jsm, name } = await openStream();
  let deleted: Promise<unknown> | undefined;
  const error = await failed(publishChunked(jetstream(nc), name, payloadOf(400_000), {
    ...OPTIONS,
    window: 20_000,
    timeout: 1_500,
    onProgress: ({ confirmedBytes }) => {
      if (confirmedBytes >= 100_000) deleted ??= jsm.streams.delete(name);
    },
  }));
  await deleted;
  assertEquals(error.cause instanceof MessageDroppedError, true, String(error.cause));
  assertStringIncludes(error.message, "the stream was deleted meanwhile");
});
