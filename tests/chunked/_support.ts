/** Chunks written by hand from PROTOCOL 1, and messages that were never on a wire. */
import type { JsMsg } from "@nats-io/jetstream";
import { headers as createHeaders, type Msg, type MsgHdrs } from "@nats-io/nats-core";

/** Bytes that tell where they were, so that a chunk in the wrong place shows. */
export function payloadOf(size: number, seed = 1): Uint8Array {
  const data = new Uint8Array(size);
  for (let at = 0; at < size; at++) data[at] = Math.imul(at + seed, 2_654_435_761) >>> 24;
  return data;
}

/** The digest as PROTOCOL 4 writes it. */
export async function digestOf(data: Uint8Array): Promise<string> {
  const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", data.slice()));
  const base64 = btoa(String.fromCharCode(...sum));
  return `SHA-256=${base64.replaceAll("+", "-").replaceAll("/", "_")}`;
}

/** One message's headers and body. */
export interface RawChunk {
  headers: Record<string, string>;
  data: Uint8Array;
}

/** Every chunk of an upload as a version-1 sender makes it. */
export function cutByHand(
  data: Uint8Array,
  chunkSize: number,
  { uploadId = crypto.randomUUID(), extra = {} }: {
    uploadId?: string;
    extra?: Record<string, string>;
  } = {},
): RawChunk[] {
  const count = Math.max(1, Math.ceil(data.length / chunkSize));
  return Array.from({ length: count }, (_, index) => ({
    headers: {
      "X-Payload-Type": "chunked-upload",
      "X-Chunked-Upload-Id": uploadId,
      "X-Chunk-Index": String(index),
      "X-Chunk-Count": String(count),
      "X-Total-Size": String(data.length),
      ...extra,
    },
    data: data.subarray(index * chunkSize, (index + 1) * chunkSize),
  }));
}

/** Headers from a record; a list of values repeats the header. */
export function headersOf(record: Record<string, string | string[]>): MsgHdrs {
  const headers = createHeaders();
  for (const [name, values] of Object.entries(record)) {
    for (const value of [values].flat()) headers.append(name, value);
  }
  return headers;
}

/** A core message that records what it was answered: the headers of each credit, as a record. */
export type FakeMessage = Msg & { readonly answers: Record<string, string>[] };

/** Makes a core message; with `reply`, its sender waits for credit. */
export function coreMessage({ headers, data }: RawChunk, reply?: string): FakeMessage {
  const answers: Record<string, string>[] = [];
  const own = headersOf(reply ? { ...headers, "X-Chunk-Credit": "1" } : headers);
  return {
    subject: "fake",
    sid: 1,
    reply: reply ?? "",
    headers: own,
    data,
    respond: (_data: unknown, options?: { headers?: MsgHdrs }) => {
      const answer: Record<string, string> = {};
      for (const [name, values] of options!.headers!) answer[name] = values.at(-1)!;
      answers.push(answer);
      return true;
    },
    answers,
  } as unknown as FakeMessage;
}

/** The ask of an upload, which its sender sends before the first chunk. */
export function askOf({ headers }: RawChunk, ask: number, reply: string): FakeMessage {
  const own = { ...headers, "X-Payload-Type": "chunked-ask", "X-Chunk-Ask": String(ask) };
  return coreMessage({ headers: own, data: new Uint8Array() }, reply);
}

/** A consumer's message that records how it was settled. */
export type FakeStoredMessage = JsMsg & { readonly settled: string[] };

/** Makes a consumer's message. */
export function storedMessage(
  { headers, data }: RawChunk,
  { seq, deliveryCount = 1 }: { seq: number; deliveryCount?: number },
): FakeStoredMessage {
  const settled: string[] = [];
  return {
    subject: "fake",
    seq,
    headers: headersOf(headers),
    data,
    info: { stream: "FAKE", streamSequence: seq, deliveryCount, redelivered: deliveryCount > 1 },
    ack: () => void settled.push("ack"),
    ackAck: () => (settled.push("ackAck"), Promise.resolve(true)),
    nak: (delay?: number) => void settled.push(`nak ${delay}`),
    term: (reason?: string) => void settled.push(`term ${reason}`),
    working: () => void settled.push("working"),
    settled,
  } as unknown as FakeStoredMessage;
}
