import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { jetstream, type JetStreamClient, jetstreamManager } from "@nats-io/jetstream";
import type { JetStreamManager, PubAck, StreamConfig } from "@nats-io/jetstream";
import { headers, type NatsConnection } from "@nats-io/nats-core";
import { after, before, test } from "node:test";
import { describeStream } from "../../src/_jetstream/describe_stream.ts";
import {
  checkStreamFits,
  checkUploadStays,
  type StoredUpload,
  type UploadMeasures,
} from "../../src/chunked/_send/stream_fit.ts";
import { connect } from "../../src/connect/connect.ts";
import { MessageDroppedError, NoStreamError, StreamUnfitError } from "../../src/errors.ts";
import type { NatsServer } from "../../src/testing/nats_server.ts";
import { startNatsServer } from "../../src/testing/start_nats_server.ts";

/** 3 chunks: 1,000 + 1,000 + 500 bytes, and 100 bytes of headers each. */
const UPLOAD: UploadMeasures = {
  chunkCount: 3,
  totalSize: 2_500,
  chunkSize: 1_000,
  headerSize: 100,
};

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
        { user: "no_reading", password: "p",
          permissions: { publish: { deny: ["$JS.API.STREAM.MSG.>"] } } }
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

/** Asserts that the upload is refused because of `limit`, and returns what was found and wanted. */
async function refusal(
  subject: string,
  limit: string,
  upload: UploadMeasures = UPLOAD,
): Promise<StreamUnfitError> {
  const description = await describeStream(js, subject);
  const error = assertThrows(
    () => checkStreamFits(description, subject, upload),
    StreamUnfitError,
  );
  assertEquals(error.stream, subject.split(".")[0]!);
  assertEquals(error.limit, limit);
  assert(error.message.includes(limit), error.message);
  return error;
}

async function accepted(subject: string, upload: UploadMeasures = UPLOAD): Promise<void> {
  const description = await describeStream(js, subject);
  assertEquals(description.warnings, []);
  checkStreamFits(description, subject, upload);
}

test("checkStreamFits() lets everything pass where nothing is known", () => {
  checkStreamFits({ facts: undefined, maxMessageSize: undefined, warnings: [] }, "a.b", UPLOAD);
});

test("checkStreamFits() accepts a stream without limits, a work queue and a queue with a consumer", async () => {
  await accepted(await addStream("NO_LIMITS"));
  await accepted(await addStream("WORK", { retention: "workqueue" }));
});

test("checkStreamFits() refuses a sealed stream", async () => {
  const subject = await addStream("SEALED");
  await jsm.streams.update("SEALED", { sealed: true } as Partial<StreamConfig>);
  const error = await refusal(subject, "sealed");
  assertEquals([error.found, error.wanted], [true, false]);
});

test("checkStreamFits() refuses a stream that acknowledges nothing", async () => {
  const error = await refusal(await addStream("NO_ACK", { no_ack: true }), "no_ack");
  assertEquals([error.found, error.wanted], [true, false]);
});

test("checkStreamFits() refuses chunks above max_msg_size, headers counted", async () => {
  const subject = await addStream("SMALL_MESSAGES", { max_msg_size: 1_099 });
  const error = await refusal(subject, "max_msg_size");
  assertEquals([error.found, error.wanted], [1_099, 1_100]);
  await accepted(await addStream("FITTING_MESSAGES", { max_msg_size: 1_100 }));
});

test("checkStreamFits() agrees with the server on what max_msg_size counts", async () => {
  const subject = await addStream("COUNTED", { max_msg_size: 1_100 });
  const own = headers();
  own.set("X-Fill", "y".repeat(100 - "NATS/1.0\r\nX-Fill: \r\n\r\n".length));
  const ack = await js.publish(subject, new Uint8Array(1_000), { headers: own });
  assertEquals(ack.stream, "COUNTED");
  await assertRejects(() => js.publish(subject, new Uint8Array(1_001), { headers: own }), Error);
});

test("checkStreamFits() refuses an upload above max_bytes, which would push out its own chunks", async () => {
  const needed = 2_500 + 3 * ("LITTLE.up".length + 100 + 34);
  const subject = await addStream("LITTLE", { max_bytes: needed - 1 });
  await fill("LITTLE.other", 1, 1_000); // old messages give way
  const error = await refusal(subject, "max_bytes");
  assertEquals([error.found, error.wanted], [needed - 1, needed]);
  await jsm.streams.update("LITTLE", { max_bytes: needed });
  await accepted(subject);
});

test("checkStreamFits() counts a message as the server does", async () => {
  const subject = await addStream("RECORDS");
  const own = headers();
  own.set("X-Fill", "y".repeat(100 - "NATS/1.0\r\nX-Fill: \r\n\r\n".length));
  await js.publish(subject, new Uint8Array(1_000), { headers: own });
  const { state } = await jsm.streams.info("RECORDS");
  assertEquals(state.bytes, 1_000 + 100 + subject.length + 34);
});

test("checkStreamFits() refuses an upload for which a stream that discards new ones has no room", async () => {
  const subject = await addStream("FULL", { max_bytes: 4_000, discard: "new" });
  await accepted(subject);
  await fill("FULL.other", 1, 1_500);
  const error = await refusal(subject, "max_bytes");
  assertEquals(error.found, 4_000);
  const { state } = await jsm.streams.info("FULL");
  assertEquals(error.wanted, state.bytes + 2_500 + 3 * ("FULL.up".length + 100 + 34));
});

test("checkStreamFits() refuses more chunks than max_msgs", async () => {
  const subject = await addStream("FEW", { max_msgs: 2 });
  const error = await refusal(subject, "max_msgs");
  assertEquals([error.found, error.wanted], [2, 3]);
  await fill("FEW.other", 2, 1);
  await accepted(subject, { ...UPLOAD, chunkCount: 2 });

  const full = await addStream("FEW_NEW", { max_msgs: 4, discard: "new" });
  await accepted(full);
  await fill("FEW_NEW.other", 2, 1);
  const other = await refusal(full, "max_msgs");
  assertEquals([other.found, other.wanted], [4, 5]);
});

test("checkStreamFits() refuses more chunks than max_msgs_per_subject", async () => {
  const subject = await addStream("PER_SUBJECT", { max_msgs_per_subject: 2 });
  const error = await refusal(subject, "max_msgs_per_subject");
  assertEquals([error.found, error.wanted], [2, 3]);
  await fill(subject, 1, 1);
  await accepted(subject, { ...UPLOAD, chunkCount: 2 }); // the older one gives way
});

test("checkStreamFits() counts what is on the subject where the stream discards new ones per subject", async () => {
  const subject = await addStream("PER_SUBJECT_NEW", {
    max_msgs_per_subject: 4,
    discard: "new",
    discard_new_per_subject: true,
  });
  await fill("PER_SUBJECT_NEW.other", 3, 1);
  await accepted(subject);
  await fill(subject, 2, 1);
  const error = await refusal(subject, "max_msgs_per_subject");
  assertEquals([error.found, error.wanted], [4, 5]);
});

test("checkStreamFits() refuses an interest stream without a consumer for the subject", async () => {
  const subject = await addStream("INTEREST", { retention: "interest" });
  const error = await refusal(subject, "retention");
  assertEquals(error.found, "interest");
  assert(error.message.includes('"INTEREST.up"'), error.message);

  await jsm.consumers.add("INTEREST", {
    durable_name: "elsewhere",
    ack_policy: "explicit",
    filter_subjects: ["INTEREST.other", "INTEREST.up.more"],
  });
  await refusal(subject, "retention");

  await jsm.consumers.add("INTEREST", {
    durable_name: "here",
    ack_policy: "explicit",
    filter_subject: "INTEREST.*",
  });
  assertEquals((await describeStream(js, subject)).facts?.interest, true);
  await accepted(subject);
});

test("checkStreamFits() accepts an interest stream with a consumer of everything", async () => {
  const subject = await addStream("INTEREST_ALL", { retention: "interest" });
  await jsm.consumers.add("INTEREST_ALL", { durable_name: "all", ack_policy: "explicit" });
  await accepted(subject);
});

test("checkStreamFits() does not guess what consumers get of a transformed subject", async () => {
  const subject = await addStream("TRANSFORMED", {
    retention: "interest",
    subject_transform: { src: "TRANSFORMED.>", dest: "changed.>" },
  });
  await refusal(subject, "retention");
  await jsm.consumers.add("TRANSFORMED", {
    durable_name: "changed",
    ack_policy: "explicit",
    filter_subject: "changed.up",
  });
  await accepted(subject);
});

/** One message, as the only chunk of an upload. */
function storedAs(first: PubAck): StoredUpload {
  const { stream, seq: sequence } = first;
  return { subject: "UP.a", first: { stream, sequence }, last: sequence };
}

test("checkUploadStays() is content while the message is there", async () => {
  const subject = await addStream("STAYS");
  await fill("STAYS.other", 1, 1);
  const description = await describeStream(js, subject);
  const first = await js.publish(subject, "0");
  assertEquals(await checkUploadStays(js, description, storedAs(first)), []);
  await jsm.streams.deleteMessage("STAYS", 1); // an older one; and one inside, so that it has to look closer
  await fill(subject, 2, 1);
  await jsm.streams.deleteMessage("STAYS", 3);
  assertEquals(await checkUploadStays(js, description, storedAs(first)), []);
});

test("checkUploadStays() notices what the stream's limits dropped", async () => {
  const subject = await addStream("DROPS", { max_msgs: 2 });
  const description = await describeStream(js, subject);
  const first = await js.publish(subject, "0");
  await fill("DROPS.other", 2, 1);
  const error = await assertRejects(
    () => checkUploadStays(js, description, storedAs(first)),
    MessageDroppedError,
  );
  assertEquals([error.stream, error.sequence], ["DROPS", 1]);
  assert(error.message.includes('"DROPS"'), error.message);
});

test("checkUploadStays() notices what went from the middle of the stream", async () => {
  const subject = await addStream("MIDDLE", { max_msgs_per_subject: 1 });
  const description = await describeStream(js, subject);
  await fill("MIDDLE.other", 1, 1);
  const first = await js.publish(subject, "0");
  assertEquals(await checkUploadStays(js, description, storedAs(first)), []);
  await fill(subject, 1, 1);
  await assertRejects(
    () => checkUploadStays(js, description, storedAs(first)),
    MessageDroppedError,
  );
});

test("checkUploadStays() notices a stream that was deleted and made anew", async () => {
  const subject = await addStream("ANEW");
  const description = await describeStream(js, subject);
  const first = await js.publish(subject, "0");
  await jsm.streams.delete("ANEW");
  await addStream("ANEW");
  await fill(subject, 2, 1);
  await assertRejects(
    () => checkUploadStays(js, description, storedAs(first)),
    MessageDroppedError,
  );
});

test("checkUploadStays() does not miss what a consumer may have taken", async () => {
  const subject = await addStream("TAKEN", { retention: "workqueue" });
  const description = await describeStream(js, subject);
  const first = await js.publish(subject, "0");
  await jsm.streams.deleteMessage("TAKEN", first.seq);
  assertEquals(await checkUploadStays(js, description, storedAs(first)), []);
});

test("checkUploadStays() warns when it may not look", async () => {
  const subject = await addStream("UNREADABLE", { max_msgs_per_subject: 10 });
  const other = await connect({ servers: server.url, user: "no_reading", password: "p" });
  try {
    const client = jetstream(other);
    const description = await describeStream(client, subject);
    const first = await client.publish(subject, "0");
    const warnings = await checkUploadStays(client, description, storedAs(first));
    assertEquals(warnings.length, 1);
    assert(warnings[0]!.includes("permission"), warnings[0]);
  } finally {
    await other.close();
  }
});

test(
  "describeStream() and checkStreamFits() work with a server that knows little",
  SLOW,
  async () => {
    await using old = await startNatsServer({ version: "2.10.25" });
    const connection = await connect({ servers: old.url });
    try {
      const client = jetstream(connection);
      const manager = await jetstreamManager(connection);
      await manager.streams.add({ name: "OLD", subjects: ["OLD.>"], max_msgs_per_subject: 2 });
      const description = await describeStream(client, "OLD.up");
      assertEquals(description.facts?.name, "OLD");
      assertThrows(() => checkStreamFits(description, "OLD.up", UPLOAD), StreamUnfitError);
      checkStreamFits(description, "OLD.up", { ...UPLOAD, chunkCount: 2 });
      await assertRejects(() => describeStream(client, "elsewhere"), NoStreamError);
      const first = await client.publish("OLD.up", "0");
      assertEquals(await checkUploadStays(client, description, storedAs(first)), []);
    } finally {
      await connection.close();
    }
  },
);

test("checkUploadStays() notices a stream that lost its end and counted on", async () => {
  const subject = await addStream("SHORT");
  const description = await describeStream(js, subject);
  const first = await js.publish(subject, "0");
  const stored = { ...storedAs(first), last: first.seq + 1 };
  await assertRejects(() => checkUploadStays(js, description, stored), MessageDroppedError);
});

test("checkUploadStays() warns when nobody wants the subject of an interest stream any more", async () => {
  const subject = await addStream("WANTED", { retention: "interest" });
  await jsm.consumers.add("WANTED", { durable_name: "reader", ack_policy: "explicit" });
  const description = await describeStream(js, subject);
  const stored = { ...storedAs(await js.publish(subject, "0")), subject };
  assertEquals(await checkUploadStays(js, description, stored), []);
  await jsm.consumers.delete("WANTED", "reader");
  const [warning = ""] = await checkUploadStays(js, description, stored);
  assert(warning.includes('"WANTED"') && warning.includes("nobody wants"), warning);
});
