import { errors, type NatsConnection } from "@nats-io/nats-core";
import { CoreMismatchError } from "./errors.ts";

/** The versions of the `@nats-io` packages that natskit works with, as in both manifests. */
export const CORE_RANGE = "^3.4.0";

/** What a connection throws for an empty subject, in each state that it can be in. */
const OWN_ERRORS: readonly (new (...args: never[]) => Error)[] = [
  errors.InvalidSubjectError,
  errors.ClosedConnectionError,
  errors.DrainingConnectionError,
];
const NAMES: ReadonlySet<string> = new Set([
  "InvalidSubjectError",
  "ClosedConnectionError",
  "DrainingConnectionError",
  // The one error class of nats.js 2, from before it was split into packages.
  "NatsError",
]);

/**
 * Refuses a connection that another copy of nats-core made: upstream recognises its own errors by class, so that with two
 * copies retries and "not found" answers silently stop working. A copy shows itself by the class of the error that it
 * refuses an empty subject with; nothing is sent for that. Things that are no official connection at all pass.
 *
 * @throws {CoreMismatchError} When the connection belongs to another copy.
 */
export function assertOneCore(nc: NatsConnection): void {
  try {
    nc.publish("");
  } catch (error) {
    if (
      error instanceof Error && NAMES.has(error.name) &&
      !OWN_ERRORS.some((own) => error instanceof own)
    ) {
      throw new CoreMismatchError("the connection", versionOf(nc), CORE_RANGE);
    }
  }
}

/** nats-core does not tell its version, but its transport, which is pinned to it, does. */
function versionOf(nc: unknown): string | undefined {
  const { protocol } = nc as { protocol?: { transport?: { version?: unknown } } };
  const version = protocol?.transport?.version;
  return typeof version === "string" ? version : undefined;
}
