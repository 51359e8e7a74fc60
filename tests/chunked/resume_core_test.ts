/** Uploads over core NATS that are continued with a token. */
import { test } from "node:test";
import type { NatsConnection } from "@nats-io/nats-core";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { ByteSource } from "../../src/_source.ts";
import { type ChunkedProgress, publishChunked, type ResumeToken } from "../../src/chunked/mod.ts";
import { ResumeError } from "../../src/errors.ts";
import { failure } from "./_failure.ts";
import { interrupt, throughJson } from "./_interrupted.ts";
import { startReceiver } from "./_receiver.ts";
import { useServer } from "./_server.ts";
import { piecesOf, seekable, watchedStream } from "./_sources.ts";
import { digestOf, payloadOf } from "./_support.ts";

const world = useServer();
/** A receiver keeps an upload for its first sender until that was silent for ten seconds. */
const LONG = { timeout: 60_000 };
const SIZE = 295_000;
const DATA = payloadOf(SIZE);
const OPTIONS = { chunkSize: 10_000, window: 50_000, size: SIZE };
const CHUNKS = 30;
let subjects = 0;
const newSubject = (): string => `resume.${++subjects}`;

/** Counts the chunks and the asks on a subject. */
async function spy(
  nc: NatsConnection,
  subject: string,
): Promise<{ chunks: number[]; asks: number }> {
  const seen = { chunks: [] as number[], asks: 0 };
  nc.subscribe(subject, {
    callback: (_error, { headers }) => {
      if (headers!.get("X-Payload-Type") === "chunked-ask") seen.asks++;
      else seen.chunks.push(Number(headers!.get("X-Chunk-Index")));
    },
  });
  await nc.flush();
  return seen;
}

const KINDS: [string, (data: Uint8Array) => ByteSource][] = [
  ["bytes", (data) => data],
  ["a Blob", (data) => new Blob([data.slice()])],
  ["a seekable source", (data) => seekable(data)],
  ["a web stream", (data) => watchedStream(piecesOf(data, [7_777])).stream],
  ["an iterable", (data) => piecesOf(data, [7_777])],
];

test(
  "publishChunked() resumes over core NATS, and sends only what the receiver lacks",
  LONG,
  async () => {
    await Promise.all(KINDS.map(async ([kind, make]) => {
      const [sender, other, nc] = await Promise.all([world.open(), world.open(), world.open()]);
      const subject = newSubject();
      const receiver = await startReceiver(nc, subject);
      const token = await interrupt(sender, subject, make(DATA), { ...OPTIONS, after: 12 });
      assertEquals([token.target, token.stream], ["core", undefined]);
      assert(token.confirmedChunks >= 12, kind);
      assertEquals(token.digest, await digestOf(DATA.subarray(0, token.confirmedChunks * 10_000)));
      await sender.close(); // the sender has died
      const seen = await spy(nc, subject);
      const progress: ChunkedProgress[] = [];
      const receipt = await publishChunked(other, subject, make(DATA), {
        size: SIZE,
        resume: token,
        onProgress: (report) => progress.push(report),
      });
      await nc.flush();
      assertEquals(receiver.payloads.map((payload) => payload.data), [DATA], kind);
      assertEquals([receipt.digest, receipt.warnings], [await digestOf(DATA), []]);
      assertEquals([receipt.uploadId, receipt.totalSize], [token.uploadId, SIZE]);
      assert(Math.min(...seen.chunks) >= token.confirmedChunks, kind);
      assertEquals(new Set(seen.chunks).size, seen.chunks.length);
      assert(seen.chunks.length <= CHUNKS - token.confirmedChunks);
      const { sentBytes, confirmedBytes } = progress.at(-1)!;
      assertEquals([sentBytes, confirmedBytes], [SIZE, SIZE]);
    }));
  },
);

test(
  "publishChunked() resumes with receivers that know nothing of the upload, from byte 0",
  LONG,
  async () => {
    for (const [kind, make] of KINDS) {
      const [sender, first, nc] = await Promise.all([world.open(), world.open(), world.open()]);
      const subject = newSubject();
      await startReceiver(first, subject);
      const token = await interrupt(sender, subject, make(DATA), { ...OPTIONS, after: 12 });
      await first.close();
      const receiver = await startReceiver(nc, subject);
      const receipt = await publishChunked(sender, subject, make(DATA), {
        size: SIZE,
        resume: token,
      });
      assertEquals(receiver.payloads.map((payload) => payload.data), [DATA], kind);
      assertEquals(receipt.digest, await digestOf(DATA));
    }
  },
);

test(
  "publishChunked() resumes what the receiver has completed meanwhile, without sending anything",
  LONG,
  async () => {
    const [sender, nc] = [await world.open(), await world.open()];
    const subject = newSubject();
    const receiver = await startReceiver(nc, subject);
    let token: ResumeToken | undefined;
    const done = await publishChunked(sender, subject, DATA, {
      ...OPTIONS,
      onProgress: ({ confirmedBytes, resumeToken }) => {
        if (confirmedBytes >= 100_000) token ??= throughJson(resumeToken);
      },
    });
    const seen = await spy(nc, subject);
    for (const [, make] of KINDS) {
      const again = await publishChunked(sender, subject, make(DATA), {
        size: SIZE,
        resume: token!,
      });
      assertEquals([again.uploadId, again.digest], [done.uploadId, done.digest]);
      assertEquals([again.chunkCount, again.confirmed], [CHUNKS, true]);
    }
    assertEquals([seen.chunks, receiver.payloads.length], [[], 1]);
    const { uploadId } = done;
    await failure(publishChunked(sender, subject, DATA, { ...OPTIONS, uploadId }), "taken");
  },
);

test(
  "publishChunked() refuses a changed source before it asks, or the receiver refuses it",
  LONG,
  async () => {
    const [sender, nc] = [await world.open(), await world.open()];
    const subject = newSubject();
    const receiver = await startReceiver(nc, subject);
    const token = await interrupt(sender, subject, DATA, { ...OPTIONS, after: 12 });
    await sender.flush(); // what was under way has passed
    const seen = await spy(nc, subject);
    const changed = DATA.slice();
    changed[7]! ^= 1;
    for (const source of [changed, new Blob([changed.slice()]), seekable(changed)]) {
      const error = await assertRejects(
        () => publishChunked(sender, subject, source, { resume: token }),
        ResumeError,
      );
      assertEquals([error.reason, error.expected], ["changed", token.digest]);
    }
    assertEquals([seen.chunks, seen.asks], [[], 0]);

    const error = await assertRejects(
      () => publishChunked(sender, subject, piecesOf(changed), { size: SIZE, resume: token }),
      ResumeError,
    );
    assertEquals([error.expected, seen.chunks], [token.digest, []]);

    // What the receiver has beyond the token, only the digest of the whole can tell.
    const beyond = DATA.slice();
    beyond[70_007]! ^= 1;
    const early = {
      ...token,
      confirmedChunks: 5,
      digest: await digestOf(DATA.subarray(0, 50_000)),
    };
    const refused = await failure(
      publishChunked(sender, subject, beyond, { resume: early }),
      "rejected",
    );
    assertStringIncludes(refused.message, "digest");
    assertEquals(receiver.payloads.length, 0);
  },
);

test("publishChunked() resumes over core NATS without a digest", LONG, async () => {
  const [sender, nc] = [await world.open(), await world.open()];
  const subject = newSubject();
  const receiver = await startReceiver(nc, subject);
  const options = { ...OPTIONS, digest: false, after: 12 };
  const token = await interrupt(sender, subject, DATA, options);
  assertEquals(token.digest, undefined);
  const receipt = await publishChunked(sender, subject, piecesOf(DATA), {
    size: SIZE,
    resume: token,
  });
  assertEquals(receipt.digest, undefined);
  assertEquals(receiver.payloads.map((payload) => payload.data), [DATA]);
});

test("publishChunked() does not resume what nobody confirms, nor over core NATS per chunk", async () => {
  const [sender, nc] = [await world.open(), await world.open()];
  const subject = newSubject();
  await startReceiver(nc, subject);
  const token = await interrupt(sender, subject, DATA, { ...OPTIONS, after: 3 });
  const unconfirmed = { resume: token, delivery: "unconfirmed" } as const;
  await assertRejects(
    () => publishChunked(sender, subject, DATA, unconfirmed),
    TypeError,
    "nothing can be resumed",
  );
  await assertRejects(
    () => publishChunked(sender, subject, DATA, { layout: "per-chunk" }),
    TypeError,
    'layout is "per-chunk", target is a connection: wanted is a JetStream client',
  );
  let seen: ChunkedProgress | undefined;
  await publishChunked(sender, subject, DATA, {
    delivery: "unconfirmed",
    onProgress: (report) => seen = report,
  });
  assertEquals(seen!.resumeToken, undefined);
});
