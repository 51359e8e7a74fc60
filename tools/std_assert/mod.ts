/**
 * The part of `@std/assert` that the tests use, over `node:assert`: Node and Bun, and Deno where JSR does not answer,
 * resolve `@std/assert` to this file.
 */
import nodeAssert from "node:assert";

/** Fails unless `condition` is truthy. */
export function assert(
  condition: unknown,
  message = "the condition does not hold",
): asserts condition {
  if (!condition) throw new nodeAssert.AssertionError({ message });
}

/** Fails unless both are deeply equal, prototypes included. */
export function assertEquals<T>(actual: T, expected: T, message?: string): void {
  nodeAssert.deepStrictEqual(actual, expected, message);
}

/** Fails if both are deeply equal. */
export function assertNotEquals<T>(actual: T, expected: T, message?: string): void {
  nodeAssert.notDeepStrictEqual(actual, expected, message);
}

/** Fails unless both are the same value (`Object.is`). */
export function assertStrictEquals<T>(
  actual: unknown,
  expected: T,
  message?: string,
): asserts actual is T {
  nodeAssert.strictEqual(actual, expected, message);
}

/** Fails unless `actual` is greater than `expected`. */
export function assertGreater<T>(actual: T, expected: T, message?: string): void {
  assert(actual > expected, message ?? `${actual} is not greater than ${expected}`);
}

/** Fails unless `actual` is at least `expected`. */
export function assertGreaterOrEqual<T>(actual: T, expected: T, message?: string): void {
  assert(actual >= expected, message ?? `${actual} is not at least ${expected}`);
}

/** Fails unless `actual` contains `expected`. */
export function assertStringIncludes(actual: string, expected: string, message?: string): void {
  assert(
    actual.includes(expected),
    message ?? `${JSON.stringify(actual)} does not contain ${JSON.stringify(expected)}`,
  );
}

/** Fails unless `actual` matches. */
export function assertMatch(actual: string, expected: RegExp, message?: string): void {
  assert(expected.test(actual), message ?? `${JSON.stringify(actual)} does not match ${expected}`);
}

// deno-lint-ignore no-explicit-any
type ErrorClass<E> = abstract new (...args: any[]) => E;

/** Fails unless `actual` was made by `type`. */
export function assertInstanceOf<E>(
  actual: unknown,
  type: ErrorClass<E>,
  message?: string,
): asserts actual is E {
  assert(actual instanceof type, message ?? `${actual} is not of type ${type.name}`);
}

function checkError<E extends Error>(error: unknown, type: ErrorClass<E>, includes?: string): E {
  assertInstanceOf(error, type, `expected ${type.name}, got ${error}`);
  if (includes !== undefined) assertStringIncludes(error.message, includes);
  return error;
}

/** Fails unless `run` throws an error of the class whose message contains `includes`; returns the error. */
export function assertThrows<E extends Error = Error>(
  run: () => unknown,
  type: ErrorClass<E> = Error as unknown as ErrorClass<E>,
  includes?: string,
): E {
  let thrown: { error: unknown } | undefined;
  try {
    run();
  } catch (error) {
    thrown = { error };
  }
  assert(thrown, "nothing was thrown");
  return checkError(thrown.error, type, includes);
}

/** Fails unless `run` rejects with an error of the class whose message contains `includes`; returns the error. */
export async function assertRejects<E extends Error = Error>(
  run: () => PromiseLike<unknown>,
  type: ErrorClass<E> = Error as unknown as ErrorClass<E>,
  includes?: string,
): Promise<E> {
  let thrown: { error: unknown } | undefined;
  try {
    await run();
  } catch (error) {
    thrown = { error };
  }
  assert(thrown, "nothing was thrown");
  return checkError(thrown.error, type, includes);
}

/** Fails. */
export function fail(message = "failed"): never {
  throw new nodeAssert.AssertionError({ message });
}
