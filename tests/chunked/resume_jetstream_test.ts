/** Uploads to a stream that are continued with a token. */
import { test } from "node:test";
import {
  jetstream,
  type JetStreamManager,
  jetstreamManager,
  type StreamConfig,
} from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/nats-core";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { ByteSource } from "../../src/_source.ts";
import {
  type ChunkedProgress,
  publishChunked,
  type PublishChunkedOptions,
  type ResumeToken,
} from "../../src/chunked/mod.ts";
import { ResumeError, type ResumeFailure, UploadIdTakenError } from "../../src/errors.ts";
import { startNatsServer } from "../../src/testing/mod.ts";
import { interrupt, throughJson } from "./_interrupted.ts";
import { useServer } from "./_server.ts";
import { piecesOf, seekable, watchedStream } from "./_sources.ts";
import { storedChunks } from "./_stored.ts";
import { digestOf, payloadOf } from "./_support.ts";
import { assertWhole, countingClient, failed } from "./_upload_world.ts";

const world = useServer();
const LONG = { timeout: 60_000 };
const SIZE = 295_000;
const DATA = payloadOf(SIZE);
const OPTIONS = { chunkSize: 10_000, window: 50_000, size: SIZE };
const CHUNKS = 30;
let streams = 0;

interface Place {
  nc: NatsConnection;
  jsm: JetStreamManager;
  name: string;
  subject: string;
}

async function openStream(config: Partial<StreamConfig> = {}): Promise<Place> {
  const nc = await world.open();
  const jsm = await jetstreamManager(nc);
  const name = `RESUME${++streams}`;
  await jsm.streams.add({ name, subjects: [`${name}.>`], ...config });
  return { nc, jsm, name, subject: `${name}.up` };
}

const KINDS: [string, (data: Uint8Array) => ByteSource][] = [
  ["bytes", (data) => data],
  ["a Blob", (data) => new Blob([data.slice()])],
  ["a seekable source", (data) => seekable(data)],
  ["a web stream", (data) => watchedStream(piecesOf(data, [7_777])).stream],
  ["an iterable", (data) => piecesOf(data, [7_777])],
];

for (const [kind, make] of KINDS) {
  for (const layout of ["one", "per-chunk"] as const) {
    test(
      `publishChunked() resumes an upload of ${kind}, layout ${layout}, and sends only what is missing`,
      LONG,
      async () => {
        const { nc, jsm, name, subject } = await openStream();
        const token = await interrupt(jetstream(nc), subject, make(DATA), {
          ...OPTIONS,
          layout,
          after: 12,
        });
        const prefix = token.confirmedChunks;
        assert(prefix >= 12 && prefix < CHUNKS, `${prefix}`);
        assertEquals(token.digest, await digestOf(DATA.subarray(0, prefix * 10_000)));
        const there = (await storedChunks(jsm, name)).length;
        assert(there >= prefix && there < CHUNKS);

        const { js, published } = countingClient(await world.open());
        const progress: ChunkedProgress[] = [];
        const receipt = await publishChunked(js, subject, make(DATA), {
          size: SIZE,
          resume: token,
          onProgress: (report) => progress.push(report),
        });
        assertEquals(published.length, CHUNKS - there);
        assertEquals([receipt.uploadId, receipt.chunkCount], [token.uploadId, CHUNKS]);
        assertEquals([receipt.digest, receipt.warnings], [await digestOf(DATA), []]);
        assertEquals([receipt.totalSize, receipt.confirmed], [SIZE, true]);
        await assertWhole(jsm, name, token.uploadId, DATA);
        const { sentBytes, confirmedBytes } = progress.at(-1)!;
        assertEquals([sentBytes, confirmedBytes], [SIZE, SIZE]);
        for await (const consumer of jsm.consumers.list(name)) throw new Error(consumer.name);
      },
    );
  }
}

test(
  "publishChunked() resumes from a token of onProgress, whatever was sent after it",
  LONG,
  async () => {
    const { nc, jsm, name, subject } = await openStream();
    let early: ResumeToken | undefined;
    const controller = new AbortController();
    await failed(publishChunked(jetstream(nc), subject, seekable(DATA), {
      ...OPTIONS,
      signal: controller.signal,
      onProgress: (report) => {
        if (report.confirmedBytes >= 50_000) early ??= throughJson(report.resumeToken);
        if (report.confirmedBytes >= 200_000) controller.abort();
      },
    }));
    assert(early!.confirmedChunks <= 6);
    const there = (await storedChunks(jsm, name)).length;
    assert(there >= 20);
    const { js, published } = countingClient(nc);
    const receipt = await publishChunked(js, subject, seekable(DATA), { resume: early! });
    assertEquals([published.length, receipt.digest], [CHUNKS - there, await digestOf(DATA)]);
    await assertWhole(jsm, name, early!.uploadId, DATA);
  },
);

test("publishChunked() with the token of an upload that is whole sends nothing", LONG, async () => {
  const { nc, jsm, name, subject } = await openStream();
  let last: ChunkedProgress | undefined;
  const done = await publishChunked(jetstream(nc), subject, DATA, {
    ...OPTIONS,
    onProgress: (report) => last = report,
  });
  const { js, published } = countingClient(nc);
  const token = throughJson(last!.resumeToken);
  assertEquals([token.confirmedChunks, token.payloadDigest], [CHUNKS, done.digest]);
  const again = await publishChunked(js, subject, piecesOf(DATA), { size: SIZE, resume: token });
  assertEquals([published, again.digest], [[], done.digest]);
  await assertWhole(jsm, name, done.uploadId, DATA);
});

/** Tries to resume, and expects a refusal before anything is sent. */
async function refused(
  { nc, jsm, name, subject }: Place,
  source: ByteSource,
  options: PublishChunkedOptions,
): Promise<{ reason: ResumeFailure; error: ResumeError }> {
  const last = await jsm.streams.info(name).then(({ state }) => state.last_seq);
  const { js, published } = countingClient(nc);
  const error = await assertRejects(
    () => publishChunked(js, subject, source, { size: SIZE, ...options }),
    ResumeError,
  );
  assertEquals(published, []);
  assertEquals((await jsm.streams.info(name)).state.last_seq, last);
  assertStringIncludes(error.message, "cannot be resumed, it has to start anew");
  return { reason: error.reason, error };
}

test(
  "publishChunked() refuses to resume with a changed source, and gives both values",
  LONG,
  async () => {
    const place = await openStream();
    const token = await interrupt(jetstream(place.nc), place.subject, DATA, {
      ...OPTIONS,
      after: 12,
    });
    const shorter = DATA.subarray(0, SIZE - 1);
    const bySize = await refused(place, shorter, { resume: token, size: SIZE - 1 });
    assertEquals([bySize.error.expected, bySize.error.actual], [SIZE, SIZE - 1]);

    const changed = DATA.slice();
    changed[55_555]! ^= 1;
    for (const [, make] of KINDS) {
      const { reason, error } = await refused(place, make(changed), { resume: token });
      assertEquals([reason, error.expected], ["changed", token.digest]);
      assertEquals(
        error.actual,
        await digestOf(changed.subarray(0, token.confirmedChunks * 10_000)),
      );
    }
  },
);

test(
  "publishChunked() compares what is stored beyond the token with the source",
  LONG,
  async () => {
    for (const allow_direct of [true, false]) {
      const place = await openStream({ allow_direct });
      const { nc, jsm, name, subject } = place;
      const token = await interrupt(jetstream(nc), subject, DATA, { ...OPTIONS, after: 12 });
      const early = {
        ...token,
        confirmedChunks: 5,
        digest: await digestOf(DATA.subarray(0, 50_000)),
      };
      const changed = DATA.slice();
      changed[50_001]! ^= 1;
      const { reason, error } = await refused(place, changed, { resume: early });
      assertEquals(reason, "changed");
      assertStringIncludes(error.message, "chunk 5 differs from what is stored of it");
      await publishChunked(jetstream(nc), subject, DATA, { resume: early });
      await assertWhole(jsm, name, token.uploadId, DATA);
    }
  },
);

test("publishChunked() refuses to resume when the stream has lost what it had", LONG, async () => {
  const place = await openStream();
  const { nc, jsm, name, subject } = place;
  const token = await interrupt(jetstream(nc), subject, DATA, { ...OPTIONS, after: 12 });
  await jsm.streams.deleteMessage(name, token.stream!.firstSequence + 3);
  const middle = await refused(place, DATA, { resume: token });
  assertStringIncludes(middle.error.message, `stream "${name}" has lost chunk 3`);
  await jsm.streams.purge(name, { seq: token.stream!.firstSequence + 1 });
  const first = await refused(place, DATA, { resume: token });
  assertEquals(first.reason, "gone");
  assertStringIncludes(first.error.message, `stream "${name}" has lost chunk 0`);
  await jsm.streams.purge(name);
  assertEquals((await refused(place, DATA, { resume: token })).reason, "gone");

  const { config } = await jsm.streams.info(name);
  await jsm.streams.delete(name);
  await jsm.streams.add(config);
  const anew = await refused(place, DATA, { resume: token });
  assertEquals([anew.reason, anew.error.expected], ["gone", token.stream!.created]);

  await jsm.streams.delete(name);
  await jsm.streams.add({ name: `${name}B`, subjects: [subject] });
  const moved = await refused({ ...place, name: `${name}B` }, DATA, { resume: token });
  assertEquals([moved.error.expected, moved.error.actual], [name, `${name}B`]);
});

test(
  "publishChunked() refuses to resume where the stream has other chunks under the id",
  LONG,
  async () => {
    const place = await openStream();
    const { nc, subject } = place;
    const token = await interrupt(jetstream(nc), subject, DATA, { ...OPTIONS, after: 3 });
    const foreign = payloadOf(1_000);
    const { uploadId } = token;
    await assertRejects(() =>
      publishChunked(jetstream(nc), subject, foreign, { uploadId, chunkSize: 10_000 })
    ); // its chunk 0 is known
    const headers = (await place.jsm.streams.getMessage(place.name, { seq: 1 }))!.header;
    headers.delete("Nats-Msg-Id");
    headers.set("X-Total-Size", String(SIZE + 1));
    await jetstream(nc).publish(subject, foreign, { headers });
    const { reason } = await refused(place, DATA, { resume: token });
    assertEquals(reason, "conflict");
  },
);

test("publishChunked() refuses a token for another call, by the name of the field", async () => {
  const { nc, jsm, name, subject } = await openStream();
  const token = await interrupt(jetstream(nc), subject, DATA, { ...OPTIONS, after: 3 });
  const { state } = await jsm.streams.info(name);
  const js = jetstream(nc);
  const cases: [() => Promise<unknown>, string][] = [
    [() => publishChunked(js, `${name}.other`, DATA, { resume: token }), "resume.subject is"],
    [() => publishChunked(nc, subject, DATA, { resume: token }), 'resume.target is "jetstream"'],
    [
      () => publishChunked(js, subject, DATA, { resume: token, layout: "per-chunk" }),
      'resume.layout is "one"',
    ],
    [
      () => publishChunked(js, subject, DATA, { resume: token, chunkSize: 5 }),
      "resume.chunkSize is 10000, this call has 5",
    ],
    [
      () => publishChunked(js, subject, DATA, { resume: token, filename: "x" }),
      'resume.filename is undefined, this call has "x"',
    ],
    [
      () => publishChunked(js, subject, DATA, { resume: token, uploadId: crypto.randomUUID() }),
      "resume.uploadId is",
    ],
    [
      () => publishChunked(js, subject, DATA, { resume: { ...token, version: 2 as 1 } }),
      "resume.version is 2, wanted is 1",
    ],
  ];
  for (const [run, message] of cases) {
    const error = await assertRejects(run, Error);
    assert(error instanceof RangeError || error instanceof TypeError, error.name);
    assertEquals(error.message.slice(0, message.length), message);
  }
  assertEquals((await jsm.streams.info(name)).state.last_seq, state.last_seq);
});

test(
  "publishChunked() sends what is unconfirmed again where messages leave the stream",
  LONG,
  async () => {
    const { nc, jsm, name, subject } = await openStream({ retention: "workqueue" });
    const token = await interrupt(jetstream(nc), subject, DATA, { ...OPTIONS, after: 12 });
    const there = (await storedChunks(jsm, name)).length;
    const { js, published } = countingClient(nc);
    const receipt = await publishChunked(js, subject, DATA, { resume: token });
    assertEquals(published.length, CHUNKS - token.confirmedChunks);
    assertEquals([receipt.digest, receipt.warnings], [await digestOf(DATA), []]);
    assert(there >= token.confirmedChunks);
    await assertWhole(jsm, name, token.uploadId, DATA);
  },
);

for (const retention of ["workqueue", "interest"] as const) {
  test(
    `publishChunked() refuses a source that differs from what a stream with ${retention} retention has beyond the token`,
    LONG,
    async () => {
      for (const digest of [true, false]) {
        const { nc, jsm, name, subject } = await openStream({ retention });
        await jsm.consumers.add(name, { durable_name: "keeps", ack_policy: "explicit" });
        let kept: ResumeToken | undefined;
        const uploadId = crypto.randomUUID();
        const stop = new AbortController();
        await assertRejects(() =>
          publishChunked(jetstream(nc), subject, DATA, {
            ...OPTIONS,
            window: 10_000,
            uploadId,
            digest,
            signal: stop.signal,
            onProgress: ({ confirmedBytes, resumeToken }) => {
              if (confirmedBytes === 30_000) kept ??= throughJson(resumeToken);
              if (confirmedBytes >= 80_000) stop.abort(new Error("interrupted"));
            },
          })
        );
        const changed = DATA.slice();
        changed[55_555]! ^= 1;
        const error = await assertRejects(
          () => publishChunked(jetstream(nc), subject, changed, { resume: kept! }),
          ResumeError,
          "chunk 5 differs from what is stored of it",
        );
        assertEquals(error.reason, "changed");
        const stored = (await storedChunks(jsm, name)).filter(({ id }) => id.startsWith(uploadId));
        assert(stored.every(({ index }) => index < CHUNKS - 1), "the last chunk was sent");
        const receipt = await publishChunked(jetstream(nc), subject, DATA, { resume: kept! });
        assertEquals(receipt.warnings, []);
        await assertWhole(jsm, name, uploadId, DATA);
      }
    },
  );
}

test(
  "publishChunked() warns of repeats that cannot be compared because a receiver had them",
  LONG,
  async () => {
    const { nc, jsm, name, subject } = await openStream({ retention: "workqueue" });
    const token = await interrupt(jetstream(nc), subject, DATA, { ...OPTIONS, after: 12 });
    const chunks = await storedChunks(jsm, name);
    await jsm.streams.purge(name);
    const resume = { ...token, confirmedChunks: 0, digest: await digestOf(new Uint8Array()) };
    const { warnings } = await publishChunked(jetstream(nc), subject, DATA, { resume });
    assertEquals(warnings, [
      `what is stored of ${chunks.length} chunks was not compared with the source: a receiver is done with it`,
    ]);
  },
);

test(
  "publishChunked() warns of doubles when the token is older than the duplicate window",
  LONG,
  async () => {
    const { nc, jsm, name, subject } = await openStream({
      retention: "workqueue",
      duplicate_window: 100_000_000,
    });
    const token = await interrupt(jetstream(nc), subject, DATA, { ...OPTIONS, after: 12 });
    const old = { ...token, createdAt: token.createdAt - 60_000 };
    const { warnings } = await publishChunked(jetstream(nc), subject, DATA, { resume: old });
    assertEquals(warnings.length, 1);
    assertStringIncludes(warnings[0]!, "the stream knows repeats for 100 ms only");
    const indices = new Set((await storedChunks(jsm, name)).map(({ index }) => index));
    assertEquals(indices.size, CHUNKS);
  },
);

test(
  "publishChunked() resumes without the permission to look into the stream, and says so",
  LONG,
  async () => {
    await using guarded = await startNatsServer({
      config: `authorization { users: [
      { user: all, password: x }
      { user: some, password: x, permissions: { publish: { deny: "$JS.API.CONSUMER.>" } } }
      { user: few, password: x, permissions: { publish: { deny: "$JS.API.>" } } }
    ] }`,
    });
    const as = (user: string): Promise<NatsConnection> =>
      world.open({ servers: guarded.url, user, password: "x" });
    const jsm = await jetstreamManager(await as("all"));
    await jsm.streams.add({ name: "GUARDED", subjects: ["up"] });
    for (const user of ["some", "few"]) {
      const nc = await as(user);
      await jsm.streams.purge("GUARDED");
      const token = await interrupt(jetstream(nc), "up", DATA, { ...OPTIONS, after: 12 });
      const { js, published } = countingClient(nc);
      const { warnings, digest } = await publishChunked(js, "up", DATA, { resume: token });
      assertEquals([published.length, digest], [
        CHUNKS - token.confirmedChunks,
        await digestOf(DATA),
      ]);
      assert(
        warnings.some((each) => each.includes("could not be") || each.includes("no permission")),
      );
      await assertWhole(jsm, "GUARDED", token.uploadId, DATA);
    }
  },
);

test(
  "publishChunked() does not count twice against a limit what is stored already",
  LONG,
  async () => {
    const { nc, jsm, name, subject } = await openStream({ max_msgs: CHUNKS, discard: "new" });
    const token = await interrupt(jetstream(nc), subject, DATA, { ...OPTIONS, after: 12 });
    await publishChunked(jetstream(nc), subject, DATA, { resume: token });
    await assertWhole(jsm, name, token.uploadId, DATA);
  },
);

test("publishChunked() resumes without a digest, by size alone", LONG, async () => {
  const { nc, jsm, name, subject } = await openStream();
  const token = await interrupt(jetstream(nc), subject, DATA, {
    ...OPTIONS,
    digest: false,
    after: 12,
  });
  assertEquals([token.digest, token.payloadDigest], [undefined, undefined]);
  const receipt = await publishChunked(jetstream(nc), subject, DATA, { resume: token });
  assertEquals(receipt.digest, undefined);
  await assertWhole(jsm, name, token.uploadId, DATA);
});

test("publishChunked() keeps its id taken for whoever has no token", LONG, async () => {
  const { nc, subject } = await openStream();
  const token = await interrupt(jetstream(nc), subject, DATA, { ...OPTIONS, after: 12 });
  const { uploadId } = token;
  const { cause } = await failed(
    publishChunked(jetstream(nc), subject, DATA, { ...OPTIONS, uploadId }),
  );
  assert(cause instanceof UploadIdTakenError);
});

test(
  "publishChunked() resumes after the server was gone for longer than the timeout",
  LONG,
  async () => {
    const { nc, name, subject } = await openStream();
    let killed: Promise<void> | undefined;
    const data = payloadOf(3_000_000);
    const error = await failed(publishChunked(jetstream(nc), subject, seekable(data), {
      chunkSize: 10_000,
      window: 100_000,
      timeout: 700,
      onProgress: ({ confirmedBytes }) => {
        if (confirmedBytes > 1_000_000) killed ??= world.server.kill();
      },
    }));
    await killed;
    await world.server.restart();
    const token = throughJson(error.resumeToken);
    assert(token.confirmedChunks >= 90 && token.confirmedChunks < 300);
    const other = await world.open();
    const there = (await storedChunks(await jetstreamManager(other), name)).length;
    const { js, published } = countingClient(other);
    const receipt = await publishChunked(js, subject, seekable(data), { resume: token });
    assertEquals(receipt.digest, await digestOf(data));
    assertEquals(published.length, 300 - there);
    await assertWhole(await jetstreamManager(other), name, token.uploadId, data);
  },
);

test(
  "publishChunked() gives its token back while it has not compared the source",
  LONG,
  async () => {
    const { nc, subject } = await openStream();
    const token = await interrupt(jetstream(nc), subject, DATA, { ...OPTIONS, after: 12 });
    const changed = DATA.slice();
    changed[100_000]! ^= 1;
    for (const source of [DATA, piecesOf(changed)]) {
      const controller = new AbortController();
      const error = await failed(publishChunked(jetstream(nc), subject, source, {
        size: SIZE,
        resume: token,
        signal: controller.signal,
        onProgress: ({ confirmedBytes, resumeToken }) => {
          assertEquals(resumeToken, token);
          if (confirmedBytes >= 50_000) controller.abort();
        },
      }));
      assertEquals([error.resumeToken, error.confirmedChunks], [token, 5]);
    }
    const signal = AbortSignal.abort();
    const early = await failed(
      publishChunked(jetstream(nc), subject, DATA, { resume: token, signal }),
    );
    assertEquals(early.resumeToken, token);
  },
);

test("publishChunked() resumes again and again, until it is whole", LONG, async () => {
  const { nc, jsm, name, subject } = await openStream();
  let resume: ResumeToken | undefined;
  let rounds = 0;
  for (let whole = false; !whole; rounds++) {
    const controller = new AbortController();
    const start = resume?.confirmedChunks ?? 0;
    whole = await publishChunked(jetstream(nc), subject, piecesOf(DATA, [3_333]), {
      ...OPTIONS,
      ...(resume && { resume }),
      signal: controller.signal,
      onProgress: ({ confirmedBytes }) => {
        if (confirmedBytes >= (start + 4) * 10_000) controller.abort();
      },
    }).then(() => true, (error) => {
      resume = throughJson(error.resumeToken);
      return false;
    });
  }
  assert(rounds > 2, `${rounds}`);
  await assertWhole(jsm, name, resume!.uploadId, DATA);
});
