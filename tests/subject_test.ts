import { test } from "node:test";
import { assertEquals, assertThrows } from "@std/assert";
import { requireSubject } from "../src/_subject.ts";

test("requireSubject() takes what can be published to", () => {
  for (const subject of ["a", "a.b.c", "über.straße", "$a", "a*b", "a>b", "x".repeat(3_900)]) {
    assertEquals(requireSubject("subject", subject), undefined);
  }
});

test("requireSubject() names the field and what is wanted", () => {
  const cases: [string, string][] = [
    ["", "that is not empty"],
    ["*", "without wildcards"],
    [">", "without wildcards"],
    ["a.*.b", "without wildcards"],
    ["a.>", "without wildcards"],
    ["a b", "without blanks"],
    ["a\tb", "without blanks and control characters"],
    ["a\r\nPUB b 0", "without blanks and control characters"],
    ["a\0", "without blanks and control characters"],
    [".a", "without empty tokens"],
    ["a.", "without empty tokens"],
    ["a..b", "without empty tokens"],
    ["a\ud800", "without halves of surrogate pairs"],
    ["x".repeat(3_901), "of at most 3900 bytes"],
    ["ü".repeat(1_951), "of at most 3900 bytes"],
  ];
  for (const [subject, wanted] of cases) {
    const error = assertThrows(() => requireSubject("subject", subject), RangeError);
    const found = JSON.stringify(subject.slice(0, 200));
    assertEquals(error.message.startsWith(`subject is ${found}, wanted is a subject `), true);
    assertEquals(error.message.includes(wanted), true, error.message);
  }
});

test("requireSubject() refuses what is no text", () => {
  for (const subject of [undefined, null, 5, {}, ["a"]]) {
    const error = assertThrows(() => requireSubject("topic", subject), TypeError);
    assertEquals(/^topic is .+, wanted is a string$/.test(error.message), true, error.message);
  }
});
