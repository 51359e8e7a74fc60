/** Both directions against peers that are written here from PROTOCOL 1 and 2 alone, over the bare client. */
import { after, before, test } from "node:test";
import { headers as createHeaders, type NatsConnection } from "@nats-io/nats-core";
import { assert, assertEquals } from "@std/assert";
import { publishChunked } from "../../src/chunked/mod.ts";
import { connect } from "../../src/connect/connect.ts";
import { type NatsServer, startNatsServer } from "../../src/testing/mod.ts";
import { until } from "../_until.ts";
import { startReceiver } from "./_receiver.ts";
import { cutByHand, headersOf, payloadOf, type RawChunk } from "./_support.ts";

let server: NatsServer;
let sender: NatsConnection;
let nc: NatsConnection;
before(async () => {
  server = await startNatsServer({ jetstream: false });
  [sender, nc] = [await connect({ servers: server.url }), await connect({ servers: server.url })];
});
after(async () => {
  await Promise.all([sender?.close(), nc?.close()]);
  await server?.stop();
});

/** What a version-1 receiver has of an upload. */
interface Version1Upload {
  chunks: Map<number, Uint8Array>;
  count: number;
  size: number;
  filename: string;
  contentType: string;
}

/** A version-1 receiver: it never answers anything. */
function startVersion1Receiver(subject: string): Map<string, Version1Upload> {
  const uploads = new Map<string, Version1Upload>();
  nc.subscribe(subject, {
    callback: (_error, { headers, data }) => {
      if (headers?.last("X-Payload-Type") !== "chunked-upload") return;
      const id = headers.last("X-Chunked-Upload-Id");
      const upload = uploads.get(id) ?? {
        chunks: new Map(),
        count: Number(headers.last("X-Chunk-Count")),
        size: Number(headers.last("X-Total-Size")),
        filename: headers.last("X-Filename"),
        contentType: headers.last("X-Content-Type"),
      };
      uploads.set(id, upload);
      upload.chunks.set(Number(headers.last("X-Chunk-Index")), data.slice());
    },
  });
  return uploads;
}

function joined({ chunks, count }: Version1Upload): Uint8Array {
  const parts = Array.from({ length: count }, (_, index) => [...chunks.get(index)!]);
  return Uint8Array.from(parts.flat());
}

test('publishChunked() with delivery "unconfirmed" is understood by a version-1 receiver', async () => {
  const uploads = startVersion1Receiver("v1.in");
  await nc.flush();
  for (const size of [1, 999, 1_000, 1_001, 30_500]) {
    const data = payloadOf(size);
    const receipt = await publishChunked(sender, "v1.in", data, {
      delivery: "unconfirmed",
      chunkSize: 1_000,
      window: 5_000,
      filename: "ä b.bin",
      contentType: "text/plain",
    });
    assertEquals([receipt.confirmed, receipt.warnings.length], [false, 1]);
    const upload = () => uploads.get(receipt.uploadId);
    await until(() => upload()?.chunks.size === receipt.chunkCount);
    const { filename, contentType, size: total, count } = upload()!;
    assertEquals(joined(upload()!), data);
    assertEquals([filename, contentType, total, count], [
      "ä b.bin",
      "text/plain",
      size,
      Math.ceil(size / 1_000),
    ]);
  }
});

test('publishChunked() with delivery "unconfirmed" puts version-1 headers and the two for the digest on the wire', async () => {
  const seen: { names: string[]; reply: string | undefined }[] = [];
  nc.subscribe("v1.wire", {
    callback: (_error, { headers, reply }) =>
      void seen.push({ names: [...headers!].map(([name]) => name), reply: reply || undefined }),
  });
  await nc.flush();
  await publishChunked(sender, "v1.wire", payloadOf(1_500), {
    delivery: "unconfirmed",
    chunkSize: 1_000,
  });
  await until(() => seen.length === 2);
  const names = [
    "X-Payload-Type",
    "X-Chunked-Upload-Id",
    "X-Chunk-Index",
    "X-Chunk-Count",
    "X-Total-Size",
  ];
  assertEquals(seen, [
    { names: [...names, "X-Chunk-Digest"], reply: undefined },
    { names: [...names, "X-Payload-Digest"], reply: undefined },
  ]);
});

test("publishChunked() with credit is understood by a version-1 receiver beside ours", async () => {
  const uploads = startVersion1Receiver("v1.beside");
  const receiver = await startReceiver(nc, "v1.beside");
  const data = payloadOf(20_500);
  const { uploadId } = await publishChunked(sender, "v1.beside", data, { chunkSize: 1_000 });
  assertEquals(receiver.payloads[0]!.data, data);
  await until(() => uploads.get(uploadId)?.chunks.size === 21);
  assertEquals(joined(uploads.get(uploadId)!), data);
  await receiver.stop();
});

/** Sends as the bare client does, without reply and without extension headers. */
function send(subject: string, { headers, data }: RawChunk): void {
  sender.publish(subject, data, { headers: headersOf(headers) });
}

test("assembleChunks() understands a version-1 sender in every spelling of the id", async () => {
  const receiver = await startReceiver(nc, "v1.out");
  const id = "0f8fad5b-d9cb-469f-a165-7086772895";
  const spellings = [
    `${id}01`.toUpperCase(),
    `{${id}02}`,
    `urn:uuid:${id}03`,
    `${id}04`.replaceAll("-", ""),
    `{${`${id}05`.toUpperCase()}}`,
  ];
  for (const [index, uploadId] of spellings.entries()) {
    const data = payloadOf(2_500, index + 1);
    for (const chunk of cutByHand(data, 1_000, { uploadId })) send("v1.out", chunk);
    await until(() => receiver.payloads.length === index + 1);
    assertEquals(receiver.payloads[index]!.data, data);
    assertEquals(receiver.payloads[index]!.uploadId, `${id}0${index + 1}`);
  }
  await receiver.stop();
  assertEquals(receiver.rejected, []);
});

test("assembleChunks() takes chunks of one upload for one, whichever spelling each of them has", async () => {
  const receiver = await startReceiver(nc, "v1.mixed");
  const uploadId = crypto.randomUUID();
  const data = payloadOf(2_500);
  const chunks = cutByHand(data, 1_000, { uploadId });
  const spellings = [uploadId.toUpperCase(), `{${uploadId}}`, `urn:uuid:${uploadId}`];
  for (const [index, chunk] of chunks.entries()) {
    const headers = { ...chunk.headers, "X-Chunked-Upload-Id": spellings[index]! };
    send("v1.mixed", { ...chunk, headers });
  }
  await until(() => receiver.payloads.length === 1);
  assertEquals([receiver.payloads[0]!.uploadId, receiver.payloads[0]!.data], [uploadId, data]);
  await receiver.stop();
});

test("assembleChunks() takes the last value of a repeated header", async () => {
  const receiver = await startReceiver(nc, "v1.repeated");
  const data = payloadOf(1_500);
  for (const { headers, data: body } of cutByHand(data, 1_000)) {
    const own = createHeaders();
    for (const [name, value] of Object.entries(headers)) {
      own.append(name, "something else");
      own.append(name, value);
    }
    sender.publish("v1.repeated", body, { headers: own });
  }
  await until(() => receiver.payloads.length === 1);
  assertEquals(receiver.payloads[0]!.data, data);
  await receiver.stop();
});

test("assembleChunks() never answers a version-1 sender, also not on a reply subject that it has", async () => {
  const receiver = await startReceiver(nc, "v1.mute");
  let answers = 0;
  sender.subscribe("v1.reply", { callback: () => void answers++ });
  const data = payloadOf(1_500);
  for (const { headers, data: body } of cutByHand(data, 1_000)) {
    sender.publish("v1.mute", body, { headers: headersOf(headers), reply: "v1.reply" });
  }
  await until(() => receiver.payloads.length === 1);
  await receiver.stop();
  await nc.flush();
  await sender.flush();
  assertEquals([receiver.payloads[0]!.data, answers], [data, 0]);
});

test("assembleChunks() takes ten interleaved version-1 uploads, backwards and twice", async () => {
  const receiver = await startReceiver(nc, "v1.many");
  const sources = Array.from({ length: 10 }, (_, seed) => payloadOf(5_500, seed + 1));
  const uploads = sources.map((data) => cutByHand(data, 1_000));
  for (let index = 5; index >= 0; index--) {
    for (const chunks of uploads) {
      send("v1.many", chunks[index]!);
      send("v1.many", chunks[index]!);
    }
  }
  await until(() => receiver.payloads.length === 10);
  const got = new Map(receiver.payloads.map(({ uploadId, data }) => [uploadId, data]));
  for (const [index, chunks] of uploads.entries()) {
    assertEquals(got.get(chunks[0]!.headers["X-Chunked-Upload-Id"]!), sources[index]);
  }
  await receiver.stop();
  assert(receiver.rejected.length === 0);
});
