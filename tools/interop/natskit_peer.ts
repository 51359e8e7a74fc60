/**
 * natskit's side of `deno task interop`: a process that sends and receives on Deno, Node or Bun.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { jetstream } from "@nats-io/jetstream";
import {
  assembleChunks,
  type ChunkedPayload,
  connect,
  type NatsMessage,
  publishChunked,
  type PublishChunkedOptions,
  receiveChunked,
} from "../../mod.ts";
import { servePeer } from "../serve_peer.ts";
import { makePayload, sha256 } from "./payload.ts";

type Connection = Awaited<ReturnType<typeof connect>>;

let nc: Connection;

/** What natskit is told to send. */
export interface NatskitUpload {
  subject: string;
  delivery: "core" | "jetstream";
  size: number;
  seed: number;
  options: PublishChunkedOptions;
}

/** What natskit sent. */
export interface NatskitSent {
  uploadId: string;
  chunkCount: number;
  sha256: string;
  confirmed: boolean;
}

/** What natskit is told to receive. */
export interface NatskitReception {
  subject: string;
  delivery: "core" | "jetstream";
  stream?: string;
}

/** What natskit received. */
export interface NatskitReceived {
  uploadId: string;
  size: number;
  sha256: string;
  filename: string | null;
  contentType: string | null;
  /** What was refused on the way. */
  rejected: string[];
}

async function send(
  { subject, delivery, size, seed, options }: NatskitUpload,
): Promise<NatskitSent> {
  const payload = makePayload(size, seed);
  const target = delivery === "core" ? nc : jetstream(nc);
  const { uploadId, chunkCount, confirmed } = await publishChunked(
    target,
    subject,
    payload,
    options,
  );
  return { uploadId, chunkCount, confirmed, sha256: sha256(payload) };
}

/** Makes a consumer; it is removed with its stream. */
async function addConsumer(stream: string, subject: string): Promise<string> {
  const jsm = await jetstream(nc).jetstreamManager();
  const config = {
    durable_name: "natskit",
    ack_policy: "explicit",
    filter_subject: subject,
  } as const;
  return (await jsm.consumers.add(stream, config)).name;
}

/** The messages of either delivery. */
async function messagesOf(
  { subject, delivery, stream }: NatskitReception,
): Promise<{ messages: AsyncIterable<NatsMessage>; stop(): void }> {
  if (delivery === "core") {
    const subscription = nc.subscribe(subject);
    await nc.flush();
    return { messages: subscription, stop: () => subscription.unsubscribe() };
  }
  const name = await addConsumer(stream!, subject);
  const messages = await (await jetstream(nc).consumers.get(stream!, name)).consume();
  return { messages, stop: () => void messages.close() };
}

async function assemble(
  reception: NatskitReception,
  report: (value: unknown) => void,
): Promise<NatskitReceived> {
  const { messages, stop } = await messagesOf(reception);
  const rejected: string[] = [];
  report("ready");
  const payloads = assembleChunks(messages, {
    connection: nc,
    onRejected: ({ reason, message }) => void rejected.push(`${reason}: ${message}`),
  });
  try {
    for await (const payload of payloads) {
      await payload.ack();
      return { ...describe(payload), rejected };
    }
    throw new Error("the messages ended before an upload was whole");
  } finally {
    stop();
  }
}

function describe(payload: ChunkedPayload): Omit<NatskitReceived, "rejected"> {
  const { uploadId, size, data, filename = null, contentType = null } = payload;
  return { uploadId, size, sha256: sha256(data), filename, contentType };
}

/** Receives into a handler that only hashes. */
async function receive(
  { subject, delivery, stream }: NatskitReception,
  report: (value: unknown) => void,
): Promise<NatskitReceived> {
  const source = delivery === "core"
    ? { nc, subject }
    : { nc, stream: stream!, consumer: await addConsumer(stream!, subject) };
  const handled = Promise.withResolvers<NatskitReceived>();
  await using _receiver = await receiveChunked(source, async (bytes, upload) => {
    const hash = createHash("sha256");
    for await (const part of bytes) hash.update(part);
    const { uploadId, size, filename = null, contentType = null } = upload;
    const sum = hash.digest("hex");
    handled.resolve({ uploadId, size, sha256: sum, filename, contentType, rejected: [] });
  }, {
    onRejected: ({ reason, message }) => handled.reject(new Error(`${reason}: ${message}`)),
  });
  report("ready");
  return await handled.promise;
}

servePeer({
  async connect({ url }: { url: string }) {
    nc = await connect({ servers: url });
  },
  send,
  assemble,
  receive,
});
