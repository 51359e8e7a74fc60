/** A receiver that already has chunks of the upload's id, which this call did not send. */
import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import type { NatsConnection } from "@nats-io/nats-core";
import { after, before, test } from "node:test";
import { creditHeaders, parseCredit } from "../../src/_credit/wire.ts";
import { createSha256, formatDigest } from "../../src/_digest.ts";
import { publishChunked } from "../../src/chunked/mod.ts";
import { connect } from "../../src/connect/connect.ts";
import { ChunkedPublishError, ReceiverError } from "../../src/errors.ts";
import type { NatsServer } from "../../src/testing/mod.ts";
import { startNatsServer } from "../../src/testing/mod.ts";

let server: NatsServer;
let nc: NatsConnection;
const DATA = new Uint8Array(5_000).map((_, index) => index % 251);

before(async () => {
  server = await startNatsServer();
  nc = await connect({ servers: server.url });
});

after(async () => {
  await nc?.close();
  await server?.stop();
});

interface SeenChunk {
  index: string;
  digest: string;
}

/** Says that it has the first two of five chunks, and takes the rest. */
async function startHalfway(
  subject: string,
  status: "receiving" | "complete" = "receiving",
): Promise<SeenChunk[]> {
  const seen: SeenChunk[] = [];
  nc.subscribe(subject, {
    callback: (_error, message) => {
      const headers = message.headers!;
      const isAsk = headers.get("X-Payload-Type") === "chunked-ask";
      if (!isAsk) {
        seen.push({ index: headers.get("X-Chunk-Index"), digest: headers.get("X-Payload-Digest") });
      }
      const next = status === "complete" ? 5 : 2 + seen.length;
      const credit = {
        uploadId: headers.get("X-Chunked-Upload-Id"),
        receiver: "halfway",
        ask: Number(headers.get("X-Chunk-Ask")) || 1,
        next,
        missing: [],
        window: 5_000,
        status: next === 5 ? "complete" as const : "receiving" as const,
      };
      assert(parseCredit(creditHeaders(credit)));
      message.respond(undefined, { headers: creditHeaders(credit) });
    },
  });
  await nc.flush();
  return seen;
}

async function reasonOf(run: () => Promise<unknown>): Promise<string> {
  const error = await assertRejects(run, ChunkedPublishError);
  assertInstanceOf(error.cause, ReceiverError);
  assertEquals(error.confirmedChunks, 0);
  return error.cause.reason;
}

test("publishChunked() puts the digest on every chunk when a receiver has some that it did not send", async () => {
  const seen = await startHalfway("foreign.half");
  const hash = await createSha256();
  hash.update(DATA);
  const digest = formatDigest(hash.digest());
  const receipt = await publishChunked(nc, "foreign.half", DATA, { chunkSize: 1_000 });
  assertEquals(seen, ["2", "3", "4"].map((index) => ({ index, digest })));
  assertEquals(receipt.digest, digest);
});

test("publishChunked() without a digest refuses to go on where it did not begin", async () => {
  const seen = await startHalfway("foreign.bare");
  const options = { chunkSize: 1_000, digest: false };
  assertEquals(await reasonOf(() => publishChunked(nc, "foreign.bare", DATA, options)), "taken");
  assertEquals(seen, []);
});

test("publishChunked() does not take another call's completion for its own", async () => {
  const seen = await startHalfway("foreign.done", "complete");
  assertEquals(
    await reasonOf(() => publishChunked(nc, "foreign.done", DATA, { chunkSize: 1_000 })),
    "taken",
  );
  assertEquals(seen, []);
});
