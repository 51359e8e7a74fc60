/**
 * What a hostile sender sends.
 *
 * @module
 */
import { headers as createHeaders, type MsgHdrs } from "@nats-io/nats-core";
import type { Random } from "./random.ts";

/** One message. */
export interface HostileMessage {
  /** Its headers. */
  readonly headers: MsgHdrs;
  /** Its body. */
  readonly data: Uint8Array;
  /** Whether it comes with a reply subject, as from a sender that waits for credit. */
  readonly asks?: boolean;
}

/** What is known of an honest upload from its chunks. */
export interface HonestUpload {
  /** The id. */
  readonly uploadId: string;
  /** The number of chunks. */
  readonly count: number;
  /** The size of the whole. */
  readonly size: number;
}

/** What an attack works with. */
export interface AttackContext {
  /** Where chance comes from. */
  readonly random: Random;
  /** Ids that were used before. */
  readonly known: string[];
  /** Honest uploads that run now. */
  readonly honest: readonly HonestUpload[];
  /** Whether it goes into a stream, where nobody can tell who a chunk comes from. */
  readonly stored: boolean;
}

/** One or more messages that belong together. */
type Attack = (context: AttackContext) => HostileMessage[];

const body = new Uint8Array(2_000).fill(7);

function newId({ random, known }: AttackContext): string {
  const digits = Array.from(
    { length: 4 },
    () => random.below(2 ** 32).toString(16).padStart(8, "0"),
  ).join("");
  const uploadId = digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  known[known.length < 1_000 ? known.length : random.below(1_000)] = uploadId;
  return uploadId;
}

function chunk(
  uploadId: string,
  [index, count, size]: readonly [index: unknown, count: unknown, size: unknown],
  length: number,
  more: Record<string, string> = {},
): HostileMessage {
  const headers = createHeaders();
  headers.set("X-Payload-Type", "chunked-upload");
  headers.set("X-Chunked-Upload-Id", uploadId);
  headers.set("X-Chunk-Index", String(index));
  headers.set("X-Chunk-Count", String(count));
  headers.set("X-Total-Size", String(size));
  for (const [name, value] of Object.entries(more)) headers.set(name, value);
  return { headers, data: body.subarray(0, length) };
}

const ASK = { "X-Payload-Type": "chunked-ask", "X-Chunk-Ask": "1", "X-Chunk-Credit": "1" };
const WRONG_DIGEST = { "X-Payload-Digest": `SHA-256=${"A".repeat(43)}=` };
const EXABYTE = "1000000000000000000";
const FOUR_BILLION = 4_000_000_000;

/** Every attack, by name. */
export const ATTACKS: Readonly<Record<string, Attack>> = {
  exabyte: (context) => [chunk(newId(context), [0, 1_000_000, EXABYTE], 100)],
  petabytes: (context) => [chunk(newId(context), [0, 1_000_000, 9_000_000_000_000_000], 100)],
  "four billion chunks": (context) => {
    const id = newId(context);
    const place = [FOUR_BILLION, FOUR_BILLION * 200] as const;
    const last = context.random.below(FOUR_BILLION);
    return [chunk(id, [0, ...place], 200), chunk(id, [last, ...place], 200)];
  },
  "never finishes": (context) => [chunk(newId(context), [0, 2, 400], 200)],
  "without a ticket": (context) => [chunk(newId(context), [1, 3, 600], 200)],
  "a small one": (context) => [chunk(newId(context), [0, 1, 10], 10)],
  "two sizes": (context) => {
    const id = newId(context);
    return [chunk(id, [0, 3, 600], 200), chunk(id, [1, 3, 599], 200), chunk(id, [1, 2, 600], 200)];
  },
  "wrong length": (context) => {
    const id = newId(context);
    return [chunk(id, [0, 3, 600], 200), chunk(id, [1, 3, 600], 150)];
  },
  "foreign chunk": (context) => {
    if (context.honest.length === 0) return [];
    const { uploadId, count, size } = context.random.pick(context.honest);
    const index = context.random.below(count);
    // Into a stream goes only what can be told from the honest ones.
    return context.stored
      ? [chunk(uploadId, [index, count, size + 1], 200)]
      : [chunk(uploadId, [index, count, size], 200), {
        ...chunk(uploadId, [index, count, size], 200, { "X-Chunk-Credit": "1" }),
        asks: true,
      }];
  },
  "wrong digest": (context) => [chunk(newId(context), [0, 1, 10], 10, WRONG_DIGEST)],
  malformed: (context) => {
    const { random } = context;
    const numbers = [
      ["+1", 2, 400],
      [0, 0, 400],
      [5, 2, 400],
      [0, "1e3", 400],
      [0, 2, "0x10"],
      [0, 500, 400],
      ["", "", ""],
    ] as const;
    const id = random.pick([newId(context), "no uuid", ""]);
    return [chunk(id, random.pick(numbers), 20)];
  },
  "long headers": (context) => [
    chunk(newId(context), [0, 2, 400], 200, {
      [context.random.pick(["X-Filename", "X-Own"])]: "x".repeat(10_000),
    }),
  ],
  "an ask": (context) => [
    { ...chunk(newId(context), [0, 2, 1_000_000], 0, ASK), asks: true },
  ],
  "an ask with a body": (context) => [
    { ...chunk(newId(context), [0, 2, 1_000_000], 2_000, ASK), asks: true },
  ],
  "an old id again": (context) =>
    context.known.length === 0
      ? []
      : [chunk(context.random.pick(context.known), [context.random.below(2), 2, 400], 200)],
};

const NAMES: readonly string[] = Object.keys(ATTACKS);

/** The messages of an attack by chance. */
export function nextAttack(context: AttackContext): HostileMessage[] {
  return ATTACKS[context.random.pick(NAMES)]!(context);
}
