/**
 * What a stream has of an upload that is resumed (PROTOCOL 3).
 *
 * @module
 */
import type { JetStreamClient } from "@nats-io/jetstream";
import { createSha256, formatDigest } from "../../_digest.ts";
import {
  ask,
  type AskOptions,
  isDenied,
  type StreamDescription,
  type StreamFacts,
} from "../../_jetstream/describe_stream.ts";
import { isApiError } from "../../_retry.ts";
import type { ResumeToken } from "../../_resume_token.ts";
import { ResumeError } from "../../errors.ts";
import type { ChunkFeed, StoredChunk } from "./delivery.ts";
import { readStoredHeaders } from "./stored_headers.ts";

/** The chunks that an earlier call has stored. */
export interface StoredBefore {
  /** Where the upload begins: what is older is another's. */
  readonly firstSequence: number;
  /** The highest sequence that a chunk is known to have. */
  readonly lastSequence: number;
  /** How many chunks there are. */
  readonly count: number;
  /** Their bytes. */
  readonly bytes: number;
  /** What the caller should know. */
  readonly warnings: readonly string[];
  /** Whether the chunk need not be sent. */
  has(index: number): boolean;
  /** Where the chunk is, if that is known. */
  where(index: number): StoredChunk | undefined;
  /**
   * Makes sure that a chunk that the token's digest says nothing of has these bytes.
   *
   * @throws {ResumeError} It has others, or is gone.
   */
  compare(index: number, data: Uint8Array): Promise<void>;
  /**
   * The same for a chunk of which only its acknowledgement as a repeat tells that it is there.
   *
   * @returns Why it cannot be compared, if it cannot.
   * @throws {ResumeError} It has others.
   */
  compareRepeat(repeat: Repeat): Promise<string | undefined>;
}

/** A chunk that the stream has not stored because it had it already. */
export interface Repeat {
  readonly index: number;
  readonly sequence: number;
  /** The digest of the bytes that were not stored. */
  readonly digest: string;
}

/** What is needed to look for chunks. */
export interface FindOptions extends AskOptions {
  readonly feed: ChunkFeed;
  /** The subjects of the chunks. */
  readonly filter: string;
}

/**
 * Finds out what is stored of the upload. Without the permission, and where messages leave a stream when they are
 * acknowledged, it relies on the token: what that does not vouch for has to be sent again.
 *
 * @throws {ResumeError} The stream is another one, has lost chunks, or has others under this id.
 */
export async function findStoredChunks(
  js: JetStreamClient,
  { facts }: StreamDescription,
  token: ResumeToken,
  options: FindOptions,
): Promise<StoredBefore> {
  const { feed } = options;
  const { confirmedChunks } = token;
  const { name, firstSequence, lastSequence } = token.stream!;
  if (facts) requireSameStream(facts, token);
  const { sequences, warnings } = await lookFor(js, facts, token, options);
  if (sequences) requirePrefix(sequences, token);
  const count = sequences?.size ?? confirmedChunks;
  return {
    firstSequence: sequences?.get(0) ?? firstSequence,
    lastSequence: [...sequences?.values() ?? []].reduce((a, b) => Math.max(a, b), lastSequence),
    count,
    bytes: Math.min(token.totalSize, count * feed.sizeOf(0)),
    warnings,
    has: (index) => sequences ? sequences.has(index) : index < confirmedChunks,
    where: (index) => {
      const sequence = sequences?.get(index) ?? (index === 0 ? firstSequence : undefined);
      return sequence === undefined ? undefined : { stream: name, sequence };
    },
    compare: async (index, data) => {
      const seq = sequences!.get(index)!;
      const stored = await ask(() => readBody(js, facts!, seq), options);
      if (!stored) throw lost(token, index);
      if (!equalBytes(stored, data)) throw changed(token, index);
    },
    compareRepeat: async ({ index, sequence, digest }) => {
      if (!facts) return "no permission to look into the stream";
      let stored: Uint8Array | undefined;
      try {
        stored = await ask(() => readBody(js, facts, sequence), options);
      } catch (error) {
        if (!isDenied(error)) throw error;
        return (error as Error).message;
      }
      if (!stored) return "a receiver is done with it"; // it deletes what it acknowledges
      const hash = await createSha256();
      hash.update(stored);
      if (formatDigest(hash.digest()) !== digest) throw changed(token, index);
    },
  };
}

function changed({ uploadId }: ResumeToken, index: number): ResumeError {
  const message = `the source has changed: chunk ${index} differs from what is stored of it`;
  return new ResumeError(uploadId, "changed", message);
}

function requireSameStream(facts: StreamFacts, { uploadId, stream }: ResumeToken): void {
  const { name, created, lastSequence } = stream!;
  const refuse = (message: string, expected: string | number, actual: string | number): never => {
    throw new ResumeError(uploadId, "gone", message, { expected, actual });
  };
  if (facts.name !== name) {
    const message =
      `its subject goes to stream ${JSON.stringify(facts.name)} now, its chunks are in ` +
      JSON.stringify(name);
    refuse(message, name, facts.name);
  }
  if (created !== undefined && facts.created !== created) {
    refuse(`stream ${JSON.stringify(name)} was deleted and created again`, created, facts.created);
  }
  if (facts.state.last_seq < lastSequence) {
    const message = `stream ${JSON.stringify(name)} was restored from an older state`;
    refuse(message, lastSequence, facts.state.last_seq);
  }
}

/** What is not vouched for must not be trusted: a stream that has lost one chunk may lose the next. */
function requirePrefix(sequences: ReadonlyMap<number, number>, token: ResumeToken): void {
  if (sequences.size > 0 && !sequences.has(0)) throw lost(token, 0);
  for (let index = 0; index < token.confirmedChunks; index++) {
    if (!sequences.has(index)) throw lost(token, index);
  }
}

function lost({ uploadId, stream }: ResumeToken, index: number): ResumeError {
  const message = `stream ${
    JSON.stringify(stream!.name)
  } has lost chunk ${index}, which was stored there`;
  return new ResumeError(uploadId, "gone", message);
}

async function lookFor(
  js: JetStreamClient,
  facts: StreamFacts | undefined,
  token: ResumeToken,
  { feed, filter, timeout, signal }: FindOptions,
): Promise<{ sequences?: Map<number, number>; warnings: string[] }> {
  const warnings: string[] = [];
  if (facts?.config.retention === "limits") {
    // What the stream makes of its subjects is what its consumers filter by, and only the server knows how.
    const filtered = facts.config.subject_transform === undefined ? filter : undefined;
    const bounds = { timeout, signal };
    try {
      return { sequences: await readStoredHeaders(js, token, feed, filtered, bounds), warnings };
    } catch (error) {
      if (!isDenied(error) && !isApiError(error)) throw error;
      warnings.push(`the stream could not be asked what it has: ${(error as Error).message}`);
    }
  }
  warnings.push(...staleness(token, facts?.config.duplicate_window));
  return { warnings };
}

/** Whether repeats may be stored a second time, because the stream has forgotten their ids. */
function staleness({ createdAt }: ResumeToken, duplicateWindow: number | undefined): string[] {
  const repeats = "chunks may be stored twice, which receivers see through";
  if (duplicateWindow === undefined) {
    return [`how long the stream knows repeats could not be found out: ${repeats}`];
  }
  const age = Date.now() - createdAt;
  const known = duplicateWindow / 1_000_000;
  if (age <= known) return [];
  return [`the token is ${age} ms old, the stream knows repeats for ${known} ms only: ${repeats}`];
}

async function readBody(
  js: JetStreamClient,
  { name, config }: StreamFacts,
  seq: number,
): Promise<Uint8Array | undefined> {
  const jsm = await js.jetstreamManager(false);
  // A replica may be behind, and direct access be switched off meanwhile: the leader has the last word.
  const found = config.allow_direct
    ? await jsm.direct.getMessage(name, { seq }).catch(() => null)
    : null;
  return (found ?? await jsm.streams.getMessage(name, { seq }))?.data;
}

function equalBytes(one: Uint8Array, other: Uint8Array): boolean {
  if (one.length !== other.length) return false;
  for (let at = 0; at < one.length; at++) if (one[at] !== other[at]) return false;
  return true;
}
