import { checkHandle } from "../_jetstream/bucket.ts";

/** The longest key, in bytes: with bucket and prefixes it stays under the server's 4,096 for a protocol line. */
const LONGEST_KEY = 3_000;

/**
 * Checks a key before anything is sent.
 *
 * Keys with `=_` are left out although the server takes them: it is the mark of escaped characters, so that any string
 * can be a key one day without two of them meeting.
 *
 * @throws {TypeError} `kv` is no handle, or `key` no string.
 * @throws {RangeError} It is empty, too long, or has characters that no key can have.
 */
export function checkKey(kv: { kind: string }, key: string): void {
  checkHandle("key-value bucket", "openKv", kv);
  if (typeof key !== "string") throw new TypeError(`a key is a string, not a ${typeof key}`);
  if (key.length > LONGEST_KEY) {
    throw new RangeError(`the key has ${key.length} characters, and ${LONGEST_KEY} fit`);
  }
  if (!/^[-/=\w]+(\.[-/=\w]+)*$/.test(key)) {
    throw new RangeError(
      `${
        JSON.stringify(key)
      } is no legal key: wanted are letters, digits, "-", "_", "/", "=" and dots between them`,
    );
  }
  if (key.includes("=_")) {
    throw new RangeError(
      `${JSON.stringify(key)} is no legal key: "=_" is reserved for escaped characters`,
    );
  }
}

/** What errors call a value. */
export function describeKey(bucket: string, key: string): string {
  return `key ${JSON.stringify(key)} of key-value bucket ${JSON.stringify(bucket)}`;
}
