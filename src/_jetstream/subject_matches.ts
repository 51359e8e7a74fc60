/**
 * Subjects and filters.
 *
 * @module
 */

/** Whether a filter, with its wildcards `*` and `>`, lets the literal `subject` through. */
export function subjectMatches(filter: string, subject: string): boolean {
  const wanted = filter.split(".");
  const tokens = subject.split(".");
  for (const [at, token] of wanted.entries()) {
    if (token === ">") return tokens.length > at;
    if (at >= tokens.length || (token !== "*" && token !== tokens[at])) return false;
  }
  return wanted.length === tokens.length;
}
