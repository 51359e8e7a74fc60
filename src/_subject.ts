/**
 * Subjects that something is published to.
 *
 * @module
 */
import { requireString } from "./_require.ts";

/** In bytes: the server's `max_control_line` is 4,096, and the reply subject and the numbers stand on the same line. */
export const LONGEST_SUBJECT = 3_900;

/**
 * Refuses what nothing can be published to.
 *
 * @throws {TypeError} If it is no text.
 * @throws {RangeError} If it is empty, too long, has empty tokens, blanks or wildcards, or is no well-formed Unicode.
 */
export function requireSubject(name: string, subject: unknown): asserts subject is string {
  requireString(name, subject);
  const wanted = (what: string): RangeError =>
    new RangeError(
      `${name} is ${JSON.stringify(subject.slice(0, 200))}, wanted is a subject ${what}`,
    );
  if (subject === "") throw wanted("that is not empty");
  if (new TextEncoder().encode(subject).length > LONGEST_SUBJECT) {
    throw wanted(`of at most ${LONGEST_SUBJECT} bytes`);
  }
  if (/[\s\p{Cc}]/u.test(subject)) throw wanted("without blanks and control characters");
  if (!subject.isWellFormed()) throw wanted("without halves of surrogate pairs");
  const tokens = subject.split(".");
  if (tokens.includes("")) throw wanted("without empty tokens");
  if (tokens.includes("*") || tokens.includes(">")) throw wanted("without wildcards");
}
