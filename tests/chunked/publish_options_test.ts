import { test } from "node:test";
import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import {
  checkPublishOptions,
  type PublishChunkedOptions,
} from "../../src/chunked/publish_options.ts";
import { headersOf } from "./_support.ts";

const NAMELESS = { name: undefined, contentType: undefined };
const ID = "0f8fad5b-d9cb-469f-a165-70867728950e";

test("checkPublishOptions() fills in the defaults", () => {
  const { uploadId, ...rest } = checkPublishOptions({}, NAMELESS);
  assertMatch(uploadId, /^[0-9a-f]{8}-/);
  assertEquals(rest, {
    filename: undefined,
    contentType: undefined,
    chunkSize: undefined,
    headers: [],
    window: 16_777_216,
    digest: true,
    layout: "one",
    resume: undefined,
    delivery: "confirmed",
    signal: undefined,
    timeout: 30_000,
    onProgress: undefined,
  });
});

test("checkPublishOptions() takes name and type of the source, and prefers those of the caller", () => {
  const source = { name: "a.bin", contentType: "a/b" };
  const taken = checkPublishOptions({}, source);
  assertEquals([taken.filename, taken.contentType], ["a.bin", "a/b"]);
  const own = checkPublishOptions({ filename: "c.bin", contentType: "c/d" }, source);
  assertEquals([own.filename, own.contentType], ["c.bin", "c/d"]);
});

test("checkPublishOptions() normalises the id and takes headers as a record or MsgHdrs", () => {
  const checked = checkPublishOptions({
    uploadId: `URN:UUID:${ID.toUpperCase()}`,
    headers: { "X-Own": "ä", "Content-Language": "de" },
  }, NAMELESS);
  assertEquals(checked.uploadId, ID);
  assertEquals(checked.headers, [["X-Own", ["ä"]], ["Content-Language", ["de"]]]);
  const { headers } = checkPublishOptions({ headers: headersOf({ "X-A": ["1", "2"] }) }, NAMELESS);
  assertEquals(headers, [["X-A", ["1", "2"]]]);
});

test("checkPublishOptions() takes the edges of every range", () => {
  for (const chunkSize of [1, 8_000_000]) {
    assertEquals(checkPublishOptions({ chunkSize }, NAMELESS).chunkSize, chunkSize);
  }
  assertEquals(checkPublishOptions({ window: 1, timeout: 1 }, NAMELESS).window, 1);
});

/** Every bad value with the class of its error and its whole message. */
const BAD: [unknown, typeof TypeError | typeof RangeError, string][] = [
  [{ chunkSize: 0 }, RangeError, "chunkSize is 0, wanted is a whole number from 1"],
  [{ chunkSize: -1 }, RangeError, "chunkSize is -1, wanted is a whole number from 1"],
  [{ chunkSize: 1.5 }, RangeError, "chunkSize is 1.5, wanted is a whole number from 1"],
  [{ chunkSize: NaN }, RangeError, "chunkSize is NaN, wanted is a whole number from 1"],
  [{ chunkSize: Infinity }, RangeError, "chunkSize is Infinity, wanted is a whole number from 1"],
  [{ chunkSize: 8_000_001 }, RangeError, "chunkSize is 8000001, wanted are at most 8000000 bytes"],
  [{ chunkSize: "1" }, TypeError, "chunkSize is a string, wanted is a number"],
  [{ window: 0 }, RangeError, "window is 0, wanted is a whole number from 1"],
  [
    { timeout: 0 },
    RangeError,
    "timeout is 0, wanted is a number of milliseconds from 1 to 2147483647",
  ],
  [{ timeout: null }, TypeError, "timeout is null, wanted is a number"],
  [{ timeout: 2 ** 31 }, RangeError, "timeout is 2147483648, wanted is a number of milliseconds"],
  [{ uploadId: "42" }, RangeError, 'uploadId is "42", wanted is a UUID in any spelling'],
  [{ uploadId: "" }, RangeError, 'uploadId is "", wanted is a UUID in any spelling'],
  [{ uploadId: 42 }, TypeError, "uploadId is a number, wanted is a string"],
  [
    { filename: "a\nb" },
    RangeError,
    "filename has a control character, wanted is what a header can carry",
  ],
  [
    { filename: "a\x7f" },
    RangeError,
    "filename has a control character, wanted is what a header can carry",
  ],
  [{ filename: "" }, RangeError, "filename has an empty text, wanted is what a header can carry"],
  [
    { filename: "x".repeat(1_025) },
    RangeError,
    "filename has 1025 bytes of UTF-8, wanted is",
  ],
  [
    { filename: " a" },
    RangeError,
    "filename has blanks at the start or the end, which headers lose, wanted is",
  ],
  [{ filename: 5 }, TypeError, "filename is a number, wanted is a string"],
  [
    { contentType: "a\rb" },
    RangeError,
    "contentType has a line break, wanted is what a header can carry",
  ],
  [{ contentType: [] }, TypeError, "contentType is an Array, wanted is a string"],
  [{ headers: "a" }, TypeError, "headers is a string, wanted is a record of strings or MsgHdrs"],
  [{ headers: null }, TypeError, "headers is null, wanted is a record of strings or MsgHdrs"],
  [{ headers: { "a b": "1" } }, RangeError, 'headers has the name "a b", wanted are letters'],
  [{ headers: { "": "1" } }, RangeError, 'headers has the name "", wanted are letters'],
  [
    { headers: { "x-filename": "1" } },
    RangeError,
    'headers has the name "x-filename", which the protocol or the server uses',
  ],
  [
    { headers: { "Nats-Msg-Id": "1" } },
    RangeError,
    'headers has the name "Nats-Msg-Id", which the protocol or the server uses',
  ],
  [{ headers: { A: 1 } }, TypeError, 'headers["A"] is a number, wanted is a string'],
  [{ headers: { A: "1\r\nB: 2" } }, RangeError, 'headers["A"] has a line break'],
  [{ headers: { A: " 1" } }, RangeError, 'headers["A"] has blanks at the start or the end'],
  [{ digest: "yes" }, TypeError, "digest is a string, wanted is a boolean"],
  [
    { delivery: "maybe" },
    RangeError,
    'delivery is "maybe", wanted is "confirmed" or "unconfirmed"',
  ],
  [{ layout: "two" }, RangeError, 'layout is "two", wanted is "one" or "per-chunk"'],
  [{ resume: "token" }, TypeError, "resume is a string, wanted is an object"],
  [{ signal: {} }, TypeError, "signal is an Object, wanted is an AbortSignal"],
  [{ onProgress: 1 }, TypeError, "onProgress is a number, wanted is a function"],
  [{ chunksize: 5 }, TypeError, 'options has the unknown field "chunksize", known are: uploadId,'],
  [null, TypeError, "options is null, wanted is an object"],
  ["text", TypeError, "options is a string, wanted is an object"],
];

test("checkPublishOptions() names the field, what was found and what is wanted", () => {
  for (const [options, kind, message] of BAD) {
    const check = () => checkPublishOptions(options as PublishChunkedOptions, NAMELESS);
    const error = assertThrows(check, kind);
    assertEquals(error.message.slice(0, message.length), message);
  }
});
