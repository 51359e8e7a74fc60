/** The vectors that any language can run, against the assembler. */
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { headers as createHeaders, type MsgHdrs } from "@nats-io/nats-core";
import { assert, assertEquals } from "@std/assert";
import type { NatsMessage } from "../../src/chunked/mod.ts";
import { connect } from "../../src/connect/connect.ts";
import { startNatsServer } from "../../src/testing/mod.ts";
import { chunkedVectors, type VectorFile } from "../interop/vectors/chunked.ts";
import { connectRaw } from "../interop/vectors/raw_client.ts";
import {
  type Delivered,
  type Difference,
  linesOf,
  runVector,
} from "../interop/vectors/run_vector.ts";
import { bodyOf, type HeaderLine, type VectorMessage } from "../interop/vectors/vector.ts";

const FILE = new URL("../interop/vectors/chunked.json", import.meta.url);
const { vectors } = JSON.parse(readFileSync(FILE, "utf8")) as VectorFile;

test("chunked.json is what its definitions make", () => {
  assertEquals({ vectors }, { vectors: [...chunkedVectors().vectors] });
  assertEquals(new Set(vectors.map(({ name }) => name)).size, vectors.length);
});

/** The credits that each reply subject has heard. */
type Heard = Map<string, HeaderLine[][]>;

function hear(heard: Heard, reply: string, credit: MsgHdrs): void {
  heard.set(reply, [...heard.get(reply) ?? [], linesOf(credit)]);
}

/** Makes a message without a wire. */
function fake({ headers, reply = "", body }: VectorMessage, heard: Heard): NatsMessage {
  const message = {
    subject: "vectors",
    sid: 1,
    reply,
    data: bodyOf(body),
    respond: (_data?: unknown, options?: { headers?: MsgHdrs }) => {
      hear(heard, reply, options!.headers!);
      return true;
    },
  };
  if (!headers) return message as unknown as NatsMessage;
  const own = createHeaders();
  for (const [name, value] of headers) own.append(name, value);
  return { ...message, headers: own } as unknown as NatsMessage;
}

test("createChunkAssembler() does what every vector says", async () => {
  const differences: Difference[] = [];
  let messages = 0;
  for (const vector of vectors) {
    if (vector.messages.some(({ raw }) => raw !== undefined)) continue; // no client writes these
    const heard: Heard = new Map();
    const deliver = (spec: VectorMessage): Promise<Delivered> =>
      Promise.resolve({
        message: fake(spec, heard),
        credits: () => Promise.resolve(heard.get(spec.reply ?? "") ?? []),
      });
    differences.push(...await runVector(vector, deliver));
    messages += vector.messages.length;
  }
  assertEquals(differences, []);
  assert(messages > 300, `only ${messages} messages`);
});

/** The header block of a message, byte by byte. */
function blockOf({ headers, raw }: VectorMessage): Uint8Array | undefined {
  if (raw !== undefined) return Uint8Array.from(raw, (character) => character.charCodeAt(0));
  if (!headers) return undefined;
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`);
  return new TextEncoder().encode(`NATS/1.0\r\n${lines.join("")}\r\n`);
}

test("createChunkAssembler() does what every vector says when it came over a wire", {
  timeout: 120_000,
}, async () => {
  await using server = await startNatsServer({ jetstream: false, maxPayload: 8 * 1024 * 1024 });
  await using raw = await connectRaw(server.url);
  const nc = await connect({ servers: server.url });
  const differences: Difference[] = [];
  for (const [index, vector] of vectors.entries()) {
    const subject = `vectors.${index}`;
    const subscription = nc.subscribe(subject);
    const heard: Heard = new Map();
    const replies = nc.subscribe(`${subject}.>`, {
      callback: (_error, { subject: reply, headers }) => hear(heard, reply, headers!),
    });
    await nc.flush();
    const messages = subscription[Symbol.asyncIterator]();
    const found = await runVector(vector, async (spec) => {
      const reply = spec.reply === undefined ? undefined : `${subject}.${spec.reply}`;
      raw.publish(subject, reply, blockOf(spec), bodyOf(spec.body));
      const { value: message } = await messages.next();
      return {
        message,
        credits: async () => {
          await nc.flush();
          return heard.get(reply ?? "") ?? [];
        },
      };
    });
    differences.push(...found);
    subscription.unsubscribe();
    replies.unsubscribe();
  }
  await nc.close();
  assertEquals(differences, []);
});
