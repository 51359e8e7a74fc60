/**
 * Whether a stream keeps an upload (PROTOCOL 3): a PubAck alone does not say so.
 *
 * @module
 */
import type { JetStreamClient } from "@nats-io/jetstream";
import {
  ask,
  type AskOptions,
  describeStream,
  isDenied,
  type StreamDescription,
} from "../../_jetstream/describe_stream.ts";
import { subjectMatches } from "../../_jetstream/subject_matches.ts";
import { MessageDroppedError, StreamUnfitError } from "../../errors.ts";
import type { StoredChunk } from "./delivery.ts";

/** The measures of an upload. */
export interface UploadMeasures {
  /** How many messages it is. */
  readonly chunkCount: number;
  /** Bytes of the whole payload. */
  readonly totalSize: number;
  /** Bytes of the largest chunk, without headers. */
  readonly chunkSize: number;
  /** Bytes of the longest headers of a chunk, `Nats-Msg-Id` included. */
  readonly headerSize: number;
  /** What an earlier call has stored of it. */
  readonly stored?: { readonly count: number; readonly bytes: number } | undefined;
  /** Whether every chunk has a subject of its own. */
  readonly perChunk?: boolean;
}

/** What a stream counts for a message beside its subject, headers and body, in bytes; memory streams count less. */
const RECORD_OVERHEAD = 34;

/**
 * Compares an upload with the stream that is to hold it. Without knowledge of the stream it lets everything pass.
 *
 * @throws {StreamUnfitError} The stream would refuse chunks, or drop some of them.
 */
export function checkStreamFits(
  { facts }: StreamDescription,
  subject: string,
  { chunkCount, totalSize, chunkSize, headerSize, stored, perChunk = false }: UploadMeasures,
): void {
  if (!facts) return;
  const { config, state } = facts;
  const refuse = (
    limit: keyof typeof config,
    found: string | number | boolean,
    wanted: string | number | boolean,
    reason: string,
  ): never => {
    throw new StreamUnfitError(facts.name, limit, found, wanted, reason);
  };

  if (config.sealed) refuse("sealed", true, false, "a sealed stream takes no messages");
  if (config.no_ack) refuse("no_ack", true, false, "it would not acknowledge what it stores");
  if (facts.interest === false) {
    const reason = `no consumer wants ${
      JSON.stringify(subject)
    }, and without one nothing is stored`;
    refuse("retention", "interest", "limits or workqueue, or a consumer for the subject", reason);
  }

  const largest = chunkSize + headerSize;
  if (config.max_msg_size > 0 && largest > config.max_msg_size) {
    refuse("max_msg_size", config.max_msg_size, largest, "a chunk with its headers is bigger");
  }

  const keepsOld = config.discard === "new";
  const { count: had, bytes: hadBytes } = stored ?? { count: 0, bytes: 0 };
  const checkRoom = (
    limit: "max_bytes" | "max_msgs",
    used: number,
    needed: number,
    missing: number,
  ): void => {
    const most = config[limit];
    if (most <= 0) return;
    if (needed > most) refuse(limit, most, needed, "the upload alone is more than that");
    if (keepsOld && used + missing > most) {
      const reason = `it holds ${used} already and discards what is new`;
      refuse(limit, most, used + missing, reason);
    }
  };
  const perMessage = new TextEncoder().encode(subject).length + headerSize + RECORD_OVERHEAD;
  const bytesOf = (bytes: number, messages: number): number => bytes + messages * perMessage;
  const missing = chunkCount - had;
  const needed = bytesOf(totalSize, chunkCount);
  checkRoom("max_bytes", state.bytes, needed, bytesOf(totalSize - hadBytes, missing));
  checkRoom("max_msgs", state.messages, chunkCount, missing);
  if (perChunk) return;

  const onSubject = keepsOld && config.discard_new_per_subject ? facts.onSubject - had : 0;
  const perSubject = config.max_msgs_per_subject;
  if (perSubject > 0 && onSubject + chunkCount > perSubject) {
    const reason = onSubject > 0
      ? `all chunks go to one subject, which holds ${onSubject} messages already`
      : "all chunks go to one subject";
    refuse("max_msgs_per_subject", perSubject, onSubject + chunkCount, reason);
  }
}

/**
 * Makes sure that a stream keeps chunks of which each has a subject of its own until somebody removes them.
 *
 * @param subjectOf The subject of the chunk at an index.
 * @throws {StreamUnfitError} It has another retention, or does not capture all of these subjects.
 */
export function checkPerChunkFits(
  { facts }: StreamDescription,
  chunkCount: number,
  subjectOf: (index: number) => string,
): void {
  if (!facts) return;
  const { name, config: { retention, subjects = [] } } = facts;
  if (retention !== "limits") {
    const reason = "with one subject for each chunk, workers read them from the stream itself";
    throw new StreamUnfitError(name, "retention", retention, "limits", reason);
  }
  // With one subject more than there are filters, one of them has let two through: it lets all of them through.
  for (let index = 0; index < Math.min(chunkCount, subjects.length + 1); index++) {
    const subject = subjectOf(index);
    if (subjects.some((filter) => subjectMatches(filter, subject))) continue;
    const reason = `the subject of chunk ${index} is ${JSON.stringify(subject)}`;
    const wanted = `${subject.split(".").slice(0, -2).join(".")}.*.*`;
    throw new StreamUnfitError(name, "subjects", subjects.join(", "), wanted, reason);
  }
}

/** What the acknowledgements of an upload say. */
export interface StoredUpload {
  /** The subject of chunk 0. */
  readonly subject: string;
  /** Where chunk 0 is. */
  readonly first: StoredChunk;
  /** The highest sequence that a chunk was given. */
  readonly last: number;
}

/**
 * Makes sure that the first chunk, the oldest, is still in its stream when the last one has been acknowledged. Only
 * limits retention promises that: elsewhere a consumer may have had it.
 *
 * @param stored The upload, as its acknowledgements tell.
 * @returns What could not be found out.
 * @throws {MessageDroppedError} It is gone.
 */
export async function checkUploadStays(
  js: JetStreamClient,
  { facts }: StreamDescription,
  { subject, first, last }: StoredUpload,
  options: AskOptions = {},
): Promise<string[]> {
  if (!facts) return [];
  const { retention } = facts.config;
  if (retention === "interest") return await checkInterestStays(js, subject, options);
  if (retention !== "limits") return [];
  const dropped = (reason: string): MessageDroppedError =>
    new MessageDroppedError("the first chunk", first.stream, first.sequence, reason);
  try {
    const jsm = await js.jetstreamManager(false);
    const { created, state, config } = await ask(() => jsm.streams.info(first.stream), options);
    if (created !== facts.created || state.last_seq < last) {
      throw dropped("the stream was deleted meanwhile, or restored from an older state");
    }
    if (state.first_seq > first.sequence) {
      throw dropped("a limit of the stream, or a purge, removed it");
    }
    // Messages leave a stream at its old end; from the middle only by deletion or one of these, and then a look at the
    // numbers is not enough.
    const leaksInside = config.max_msgs_per_subject > 0 || state.num_deleted > 0;
    if (!leaksInside) return [];
    const stored = await ask(
      () => jsm.streams.getMessage(first.stream, { seq: first.sequence }),
      options,
    );
    if (!stored) throw dropped("the limit for one subject, or somebody, removed it");
    return [];
  } catch (error) {
    if (!isDenied(error)) throw error;
    return ["no permission to look whether the first chunk is still in the stream"];
  }
}

/** What consumers have had, or would have had, cannot be looked up: only that there is nobody any more can be told. */
async function checkInterestStays(
  js: JetStreamClient,
  subject: string,
  options: AskOptions,
): Promise<string[]> {
  const { facts } = await describeStream(js, subject, options);
  if (facts?.interest !== false) return [];
  return [
    `the stream ${
      JSON.stringify(facts.name)
    } keeps what consumers want, and nobody wants the subject any more: ` +
    "what it had stored may be gone",
  ];
}
