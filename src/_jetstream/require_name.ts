/**
 * Names of streams and consumers.
 *
 * @module
 */
import { requireString } from "../_require.ts";

/** Refuses what no stream and no consumer can be called: a name is one token of a subject, and a file's name. */
export function requireJetStreamName(field: string, value: unknown): void {
  requireString(field, value);
  if (value !== "" && !/[\s\p{Cc}.*>/\\]/u.test(value)) return;
  throw new RangeError(
    `${field} is ${
      JSON.stringify(value.slice(0, 200))
    }, wanted is the name of a stream or consumer: ` +
      'no blanks, no "." "*" ">" "/" and "\\"',
  );
}
