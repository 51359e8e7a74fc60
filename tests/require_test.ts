import { test } from "node:test";
import { assertEquals, assertThrows } from "@std/assert";
import {
  requireBoolean,
  requireFunction,
  requireKnownKeys,
  requireNumber,
  requireSignal,
  requireString,
  requireStrings,
  requireTimeout,
} from "../src/_require.ts";

/** Every bad value with the class of its error and its whole message. */
function check(
  refuse: (name: string, value: unknown) => void,
  good: unknown[],
  bad: [unknown, typeof TypeError | typeof RangeError, string][],
): void {
  for (const value of good) refuse("field", value);
  for (const [value, kind, message] of bad) {
    assertEquals(assertThrows(() => refuse("field", value), kind).message, message);
  }
}

test("requireTimeout() takes what timers of every runtime can wait for", () => {
  const wanted = "wanted is a number of milliseconds from 1 to 2147483647";
  check(requireTimeout, [1, 1.5, 2 ** 31 - 1], [
    [0, RangeError, `field is 0, ${wanted}`],
    [0.5, RangeError, `field is 0.5, ${wanted}`],
    [-1, RangeError, `field is -1, ${wanted}`],
    [NaN, RangeError, `field is NaN, ${wanted}`],
    [2 ** 31, RangeError, `field is 2147483648, ${wanted}`],
    [Infinity, RangeError, `field is Infinity, ${wanted}`],
    ["5", TypeError, `field is a string, ${wanted}`],
    [null, TypeError, `field is null, ${wanted}`],
  ]);
});

test("requireFunction() takes functions of every kind", () => {
  check(requireFunction, [() => {}, async () => {}, class {}], [
    [undefined, TypeError, "field is undefined, wanted is a function"],
    ["() => {}", TypeError, "field is a string, wanted is a function"],
    [{ call: () => {} }, TypeError, "field is an Object, wanted is a function"],
  ]);
});

test("requireSignal() takes what can abort, of whichever realm", () => {
  const foreign = { aborted: false, addEventListener: () => {} };
  check(requireSignal, [new AbortController().signal, foreign], [
    [{}, TypeError, "field is an Object, wanted is an AbortSignal"],
    [null, TypeError, "field is null, wanted is an AbortSignal"],
    [5, TypeError, "field is a number, wanted is an AbortSignal"],
  ]);
});

test("requireBoolean(), requireNumber() and requireString() take nothing for something else", () => {
  check(requireBoolean, [true, false], [
    ["yes", TypeError, "field is a string, wanted is a boolean"],
    [0, TypeError, "field is a number, wanted is a boolean"],
  ]);
  check(requireNumber, [0, -1, 1.5], [
    ["1", TypeError, "field is a string, wanted is a number"],
    [Infinity, TypeError, "field is Infinity, wanted is a number"],
  ]);
  check(requireString, ["", "a"], [[5, TypeError, "field is a number, wanted is a string"]]);
});

test("requireStrings() and requireKnownKeys() name the key", () => {
  check(requireStrings, [{}, { a: "b" }], [
    [{ a: 5 }, TypeError, 'field["a"] is a number, wanted is a string'],
    [[], TypeError, "field is an Array, wanted is an object"],
  ]);
  check((name, value) => requireKnownKeys(name, value as object, ["a", "b"]), [{}, { b: 1 }], [
    [{ c: 1 }, TypeError, 'field has the unknown field "c", known are: a, b'],
    [null, TypeError, "field is null, wanted is an object"],
  ]);
});
