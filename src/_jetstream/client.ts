/**
 * One way to a JetStream client, whatever the caller has.
 *
 * @module
 */
import { jetstream } from "@nats-io/jetstream";
import type { JetStreamClient, JetStreamManagerOptions } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/nats-core";
import { assertOneCore } from "../_core.ts";
import { describe, requireString, requireTimeout } from "../_require.ts";

/** Where the JetStream is that a function works with; for leaf nodes and hosted accounts. */
export interface JetStreamTargetOptions {
  /** The JetStream domain. Not together with `apiPrefix`. */
  domain?: string;
  /**
   * The prefix of the JetStream API's subjects.
   *
   * @default {"$JS.API"}
   */
  apiPrefix?: string;
  /**
   * The longest wait for one answer of the JetStream API, in milliseconds.
   *
   * @default {5000}
   */
  jetstreamTimeout?: number;
}

/** The names of these options. */
export const JETSTREAM_TARGET_KEYS: readonly (keyof JetStreamTargetOptions)[] = [
  "domain",
  "apiPrefix",
  "jetstreamTimeout",
];

/**
 * The JetStream client itself, or one for the connection.
 *
 * @throws {TypeError} `target` is neither, or an option cannot be honoured.
 * @throws {CoreMismatchError} The connection belongs to another copy of nats-core.
 * @throws {RangeError} `jetstreamTimeout` cannot be waited for.
 */
export function toJetStreamClient(
  target: NatsConnection | JetStreamClient,
  { domain, apiPrefix, jetstreamTimeout }: JetStreamTargetOptions,
): JetStreamClient {
  if (isJetStreamClient(target)) {
    if (domain !== undefined || apiPrefix !== undefined || jetstreamTimeout !== undefined) {
      throw new TypeError(
        "domain, apiPrefix and jetstreamTimeout go with a connection: a JetStream client has its own",
      );
    }
    return target;
  }
  if (typeof (target as { request?: unknown } | null)?.request !== "function") {
    throw new TypeError(
      `target is ${describe(target)}, wanted is a NATS connection or a JetStream client`,
    );
  }
  assertOneCore(target);
  if (domain !== undefined && apiPrefix !== undefined) {
    throw new TypeError("domain and apiPrefix exclude each other: a domain is a prefix");
  }
  if (domain !== undefined) requireString("domain", domain);
  if (apiPrefix !== undefined) requireString("apiPrefix", apiPrefix);
  if (jetstreamTimeout !== undefined) requireTimeout("jetstreamTimeout", jetstreamTimeout);
  const options: JetStreamManagerOptions = {};
  if (domain !== undefined) options.domain = domain;
  if (apiPrefix !== undefined) options.apiPrefix = apiPrefix;
  if (jetstreamTimeout !== undefined) options.timeout = jetstreamTimeout;
  return jetstream(target, options);
}

/** Whether it is a client of `@nats-io/jetstream`, rather than a connection. */
export function isJetStreamClient(target: unknown): target is JetStreamClient {
  return typeof (target as Partial<JetStreamClient> | null | undefined)?.jetstreamManager ===
    "function";
}
