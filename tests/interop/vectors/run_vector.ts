/** Runs vectors against natskit's assembler, and compares what they say with what became of each message. */
import type { MsgHdrs } from "@nats-io/nats-core";
import {
  createChunkAssembler,
  type NatsMessage,
  type PushResult,
} from "../../../src/chunked/mod.ts";
import type { Expectation, HeaderLine, Vector, VectorMessage } from "./vector.ts";

/** Brings one message to the assembler's side; `credits` are those that came for its reply subject so far. */
export interface Delivered {
  readonly message: NatsMessage;
  credits(): Promise<readonly HeaderLine[][]>;
}

/** Every line of some headers. */
export function linesOf(headers: MsgHdrs): HeaderLine[] {
  return [...headers].flatMap(([name, values]) => values.map((value): HeaderLine => [name, value]));
}

/** A result of `push()` in the words of the vectors. */
function told(result: PushResult): Expectation {
  switch (result.type) {
    case "ignored":
      return { result: "ignored" };
    case "accepted":
    case "duplicate":
      return { result: result.type, uploadId: result.uploadId, chunkIndex: result.chunkIndex };
    case "complete": {
      const { uploadId, size, digest, filename = null, contentType = null, headers } = result
        .payload;
      return {
        result: "complete",
        uploadId,
        size,
        digest,
        filename,
        contentType,
        headers: linesOf(headers),
      };
    }
    case "rejected": {
      const { reason, scope, uploadId = null } = result.event;
      return { result: "refused", reason, scope, uploadId };
    }
  }
}

/** The lines by name, with a star where the vector leaves the value to the receiver. */
function creditOf(lines: readonly HeaderLine[], wanted: readonly HeaderLine[]): HeaderLine[] {
  const free = wanted.filter(([, value]) => value === "*").map(([name]) => name);
  return lines.map(([name, value]): HeaderLine => [name, free.includes(name) ? "*" : value])
    .toSorted(([a], [b]) => a < b ? -1 : 1);
}

/** One difference between a vector and the assembler. */
export interface Difference {
  readonly vector: string;
  readonly message: number;
  readonly found: unknown;
  readonly wanted: unknown;
}

/**
 * Pushes a vector's messages into an assembler of its own.
 *
 * @param vector Which one.
 * @param deliver Makes a message of what the vector says.
 * @returns Where the assembler differs; nothing where it does not.
 */
export async function runVector(
  vector: Vector,
  deliver: (message: VectorMessage) => Promise<Delivered>,
): Promise<Difference[]> {
  await using assembler = createChunkAssembler(vector.limits);
  const differences: Difference[] = [];
  for (const [index, spec] of vector.messages.entries()) {
    const { message, credits } = await deliver(spec);
    const compare = (found: unknown, wanted: unknown): void => {
      if (JSON.stringify(found) === JSON.stringify(wanted)) return;
      differences.push({ vector: vector.name, message: index, found, wanted });
    };
    const result = assembler.push(message);
    compare(told(result), spec.expect);
    if (result.type === "complete" && spec.then !== "wait") {
      if (spec.then === "nak") result.payload.nak();
      else await result.payload.ack();
    }
    const { answer } = spec;
    if (answer === undefined) continue;
    compare(creditOf((await credits()).at(-1) ?? [], answer), creditOf(answer, answer));
  }
  return differences;
}
