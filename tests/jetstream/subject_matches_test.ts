import { assertEquals } from "@std/assert";
import { test } from "node:test";
import { subjectMatches } from "../../src/_jetstream/subject_matches.ts";

test("subjectMatches() follows the wildcards", () => {
  const cases: [string, string, boolean][] = [
    ["a.b", "a.b", true],
    ["a.b", "a.b.c", false],
    ["a.b.c", "a.b", false],
    ["a.*", "a.b", true],
    ["a.*", "a", false],
    ["*.b", "a.b", true],
    ["*.b", "a.c", false],
    ["a.>", "a.b.c", true],
    ["a.>", "a", false],
    [">", "a", true],
    ["a.*.>", "a.b", false],
    ["a.b*", "a.bc", false],
  ];
  for (const [filter, subject, wanted] of cases) {
    assertEquals(subjectMatches(filter, subject), wanted, `${filter} ${subject}`);
  }
});
