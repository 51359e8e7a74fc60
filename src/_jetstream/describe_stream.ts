/**
 * What there is to know about the stream behind a subject.
 *
 * @module
 */
import type {
  JetStreamClient,
  JetStreamManager,
  StreamConfig,
  StreamState,
} from "@nats-io/jetstream";
import { nameClosed } from "../_connection.ts";
import { hasName, retryTransient } from "../_retry.ts";
import { NoProgressError, NoStreamError } from "../errors.ts";
import { apiCode, STREAM_NOT_FOUND } from "./api_code.ts";
import { subjectMatches } from "./subject_matches.ts";

/** A stream as the server describes it. */
export interface StreamFacts {
  /** The stream's name. */
  readonly name: string;
  /** When it was created; tells it from another one that takes its name later. */
  readonly created: string;
  /** Its configuration. */
  readonly config: StreamConfig;
  /** What is in it. */
  readonly state: StreamState;
  /** How many messages it holds on the subject. */
  readonly onSubject: number;
  /** Whether a consumer wants the subject; `undefined` where retention does not ask, or it could not be found out. */
  readonly interest: boolean | undefined;
}

/** What could be found out about the stream that captures a subject. */
export interface StreamDescription {
  /** `undefined` without the permission to ask. */
  readonly facts: StreamFacts | undefined;
  /** The largest message in bytes, headers counted, that the stream takes; `undefined` if it has no limit of its own. */
  readonly maxMessageSize: number | undefined;
  /** What could not be found out, for the caller to know. */
  readonly warnings: readonly string[];
}

/** The bounds of a question to the server. */
export interface AskOptions {
  /**
   * The longest time without an answer, in milliseconds, repeats included.
   *
   * @default {30_000}
   */
  readonly timeout?: number | undefined;
  /** Gives up with its reason. */
  readonly signal?: AbortSignal | undefined;
}

const DEFAULT_TIMEOUT = 30_000;
/** How often a question is put that nobody listens to: soon enough it is clear that JetStream is not there. */
const UNHEARD_ATTEMPTS = 4;

/**
 * Asks the server for the stream that captures `subject`. A missing permission is a warning, not an error.
 *
 * @param js Says which JetStream: its domain or prefix and its timeout are used.
 * @param subject Without wildcards.
 * @param options The bounds.
 * @throws {NoStreamError} No stream captures the subject.
 * @throws {ConnectionClosedError} The connection is closed.
 */
export async function describeStream(
  js: JetStreamClient,
  subject: string,
  options: AskOptions = {},
): Promise<StreamDescription> {
  const jsm = await js.jetstreamManager(false);
  const denied = (question: string): string =>
    `no permission to ask for ${question}: whether the stream keeps the upload was not checked`;
  try {
    const name = await ask(() => jsm.streams.find(subject), options);
    const info = await ask(() => jsm.streams.info(name, { subjects_filter: subject }), options);
    const { config, state, created } = info;
    const warnings: string[] = [];
    let interest: boolean | undefined;
    if (config.retention === "interest") {
      interest = await ask(() => hasInterest(jsm, config, subject), options).catch((error) => {
        if (!isDenied(error)) throw error;
        warnings.push(denied(`the consumers of stream ${JSON.stringify(name)}`));
        return undefined;
      });
    }
    const onSubject = state.subjects?.[subject] ?? 0;
    const facts = { name, created, config, state, onSubject, interest };
    const maxMessageSize = config.max_msg_size > 0 ? config.max_msg_size : undefined;
    return { facts, maxMessageSize, warnings };
  } catch (error) {
    if (apiCode(error) === STREAM_NOT_FOUND) throw new NoStreamError(subject, { cause: error });
    if (!isDenied(error)) throw error;
    const warnings = [denied(`the stream behind ${JSON.stringify(subject)}`)];
    return { facts: undefined, maxMessageSize: undefined, warnings };
  }
}

/** Whether the server refused a request because the user may not make it. */
export function isDenied(error: unknown): boolean {
  return hasName(error, "PermissionViolationError");
}

/** Asks again while nobody answers: a leader is being elected, or the connection is just coming back. */
export async function ask<T>(
  question: () => Promise<T>,
  { timeout = DEFAULT_TIMEOUT, signal }: AskOptions,
): Promise<T> {
  try {
    return await retryTransient(question, {
      timeout,
      signal,
      onTimeout: (cause) => new NoProgressError("asking for the stream", timeout, { cause }),
      isWorth: (error, attempts) => !hasName(error, "NoResponders") || attempts < UNHEARD_ATTEMPTS,
    });
  } catch (error) {
    throw nameClosed(error);
  }
}

async function hasInterest(
  jsm: JetStreamManager,
  config: StreamConfig,
  subject: string,
): Promise<boolean> {
  // What the stream makes of the subject is what its consumers filter by, and only the server knows how.
  const transformed = config.subject_transform !== undefined;
  for await (const { config: consumer } of jsm.consumers.list(config.name)) {
    const filters = consumer.filter_subjects ??
      (consumer.filter_subject ? [consumer.filter_subject] : []);
    if (filters.length === 0 || transformed) return true;
    if (filters.some((filter) => subjectMatches(filter, subject))) return true;
  }
  return false;
}
