import { test } from "node:test";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  encodedLength,
  filenameProblem,
  headerValueProblem,
  isProtocolHeader,
  ownHeaders,
  parseChunkHeaders,
  parseChunkMessage,
  writeChunkHeaders,
  writeLongestHeaders,
} from "../../src/chunked/_format/headers.ts";

import { headersOf } from "./_support.ts";

const ID = "0f8fad5b-d9cb-469f-a165-70867728950e";
const DIGEST = `SHA-256=${"A".repeat(43)}=`;
const CHUNK = {
  "X-Payload-Type": "chunked-upload",
  "X-Chunked-Upload-Id": ID,
  "X-Chunk-Index": "1",
  "X-Chunk-Count": "3",
  "X-Total-Size": "2500",
};

test("parseChunkHeaders() reads a chunk of a version-1 sender", () => {
  assertEquals(parseChunkHeaders(headersOf(CHUNK)), {
    type: "chunk",
    info: {
      uploadId: ID,
      index: 1,
      chunkCount: 3,
      totalSize: 2_500,
      filename: undefined,
      contentType: undefined,
      digest: undefined,
      digestFollows: false,
      credit: false,
      ask: undefined,
    },
  });
});

test("parseChunkHeaders() reads every optional header, and an ask", () => {
  const parsed = parseChunkHeaders(headersOf({
    ...CHUNK,
    "X-Payload-Type": "chunked-ask",
    "X-Chunk-Index": "0",
    "X-Filename": "æøå/b.bin",
    "X-Content-Type": "text/plain",
    "X-Payload-Digest": DIGEST,
    "X-Chunk-Credit": "1",
    "X-Chunk-Ask": "7",
  }));
  assert(parsed.type === "chunk");
  const { filename, contentType, digest, credit, ask } = parsed.info;
  assertEquals([filename, contentType, digest, credit, ask], [
    "æøå/b.bin",
    "text/plain",
    DIGEST,
    true,
    7,
  ]);
});

test("parseChunkHeaders() takes the last value of a repeated header, and normalises the id", () => {
  const parsed = parseChunkHeaders(headersOf({
    ...CHUNK,
    "X-Payload-Type": ["something", "chunked-upload"],
    "X-Chunked-Upload-Id": ["x", `{${ID.toUpperCase()}}`],
    "X-Chunk-Index": ["0", "2"],
  }));
  assert(parsed.type === "chunk");
  assertEquals([parsed.info.uploadId, parsed.info.index], [ID, 2]);
});

test("parseChunkHeaders() takes other protocols and other spellings of the name for foreign", () => {
  assertEquals(parseChunkHeaders(undefined).type, "foreign");
  const { "X-Payload-Type": type, ...rest } = CHUNK;
  const foreign = [
    {},
    rest,
    { ...CHUNK, "X-Payload-Type": "Chunked-Upload" },
    { ...CHUNK, "X-Payload-Type": ["chunked-upload", "other"] },
    { ...rest, "x-payload-type": type },
  ];
  for (const headers of foreign) {
    assertEquals(parseChunkHeaders(headersOf(headers)).type, "foreign", JSON.stringify(headers));
  }
});

test("parseChunkHeaders() names the header that is wrong, what it has and what is wanted", () => {
  const cases: [Record<string, string>, string][] = [
    [{ "X-Chunked-Upload-Id": "" }, 'X-Chunked-Upload-Id is "", wanted is a UUID'],
    [{ "X-Chunked-Upload-Id": "42" }, 'X-Chunked-Upload-Id is "42", wanted is a UUID'],
    ...["", "+1", "1e3", "0x10", "-1", "1.0", "one", "9007199254740992"].flatMap(
      (value): [Record<string, string>, string][] => [
        [{ "X-Chunk-Index": value }, `X-Chunk-Index is ${JSON.stringify(value)}`],
        [{ "X-Chunk-Count": value }, `X-Chunk-Count is ${JSON.stringify(value)}`],
        [{ "X-Total-Size": value }, `X-Total-Size is ${JSON.stringify(value)}`],
      ],
    ),
    [{ "X-Chunk-Count": "0" }, 'X-Chunk-Count is "0", wanted is a number in digits, at least 1'],
    [{ "X-Chunk-Index": "3" }, 'X-Chunk-Index is "3", wanted is an index below 3'],
    [{ "X-Total-Size": "2" }, 'X-Chunk-Count is "3", wanted is at most one chunk per byte of 2'],
    [{ "X-Payload-Digest": "MD5=abc" }, 'X-Payload-Digest is "MD5=abc"'],
    [{ "X-Filename": "a\tb" }, 'X-Filename is "a\\tb"'],
    [{ "X-Filename": "x".repeat(1_025) }, "at most 1,024 bytes"],
    [{ "X-Payload-Type": "chunked-ask" }, 'X-Chunk-Ask is ""'],
    [
      { "X-Payload-Type": "chunked-ask", "X-Chunk-Ask": "0", "X-Chunk-Index": "0" },
      'X-Chunk-Ask is "0"',
    ],
    [{ "X-Payload-Type": "chunked-ask", "X-Chunk-Ask": "1" }, "with chunk index 0"],
  ];
  for (const [change, wanted] of cases) {
    const parsed = parseChunkHeaders(headersOf({ ...CHUNK, ...change }));
    assert(parsed.type === "malformed", JSON.stringify(change));
    assertStringIncludes(parsed.problem, wanted);
    assertEquals(parsed.uploadId, "X-Chunked-Upload-Id" in change ? undefined : ID);
  }
});

test("parseChunkHeaders() cuts a long value short in its complaint", () => {
  const parsed = parseChunkHeaders(headersOf({ ...CHUNK, "X-Chunk-Index": "x".repeat(50_000) }));
  assert(parsed.type === "malformed");
  assert(parsed.problem.length < 300);
});

test("parseChunkMessage() takes headers that the client cannot decode for malformed", () => {
  const message = {
    get headers(): never {
      throw new Error("' ' is not a valid character in a header name");
    },
  };
  assertEquals(parseChunkMessage(message), {
    type: "malformed",
    uploadId: undefined,
    problem: "the headers cannot be decoded",
  });
});

test("writeChunkHeaders() writes what parseChunkHeaders() reads, with own headers beside it", () => {
  const metadata = {
    uploadId: ID,
    chunkCount: 3,
    totalSize: 2_500,
    filename: "a b.bin",
    contentType: "text/plain; charset=utf-8",
  };
  const headers = writeChunkHeaders(metadata, 2, [["X-Own", ["1", "2"]]]);
  const parsed = parseChunkHeaders(headers);
  assertEquals(parsed, {
    type: "chunk",
    info: {
      ...metadata,
      index: 2,
      digest: undefined,
      digestFollows: false,
      credit: false,
      ask: undefined,
    },
  });
  assertEquals(headers.values("X-Own"), ["1", "2"]);
  assertEquals([...headers].map(([name]) => name), [
    "X-Own",
    "X-Payload-Type",
    "X-Chunked-Upload-Id",
    "X-Chunk-Index",
    "X-Chunk-Count",
    "X-Total-Size",
    "X-Filename",
    "X-Content-Type",
  ]);
});

test("writeLongestHeaders() is at least as long as the headers of any chunk", () => {
  const metadata = { uploadId: ID, totalSize: 10 ** 12, filename: "ä", contentType: "b" };
  const longest = encodedLength(writeLongestHeaders(metadata, []));
  const headers = writeChunkHeaders({ ...metadata, chunkCount: 10 ** 12 }, 10 ** 12 - 1);
  headers.set("X-Payload-Digest", DIGEST);
  headers.set("X-Chunk-Credit", "1");
  assert(longest >= encodedLength(headers));
});

test("isProtocolHeader() knows the names of the protocol and the server in any case", () => {
  const reserved = [
    "X-Payload-Type",
    "x-filename",
    "X-Content-Type",
    "X-Total-Size",
    "X-Chunked-Upload-Id",
    "X-Chunk-Anything",
    "x-payload-own",
    "Nats-Msg-Id",
    "NATS-TTL",
  ];
  assertEquals(reserved.filter((name) => !isProtocolHeader(name)), []);
  assertEquals(["X-Own", "Content-Type", "Filename", "XNats-"].filter(isProtocolHeader), []);
});

test("ownHeaders() leaves the sender's own headers, every value of them", () => {
  const own = ownHeaders(headersOf({ ...CHUNK, "X-Own": ["1", "2"], "Nats-Msg-Id": "x" }));
  assertEquals([...own], [["X-Own", ["1", "2"]]]);
});

test("filenameProblem() and headerValueProblem() name what a header cannot carry", () => {
  assertEquals(filenameProblem("日本語 🎈 .bin"), undefined);
  assertEquals(filenameProblem("ü".repeat(512)), undefined);
  assertEquals(filenameProblem("ü".repeat(513)), "1026 bytes of UTF-8");
  assertEquals(filenameProblem("a\0b"), "a control character");
  assertEquals(filenameProblem("a\nb"), "a control character");
  assertEquals(filenameProblem("a\x85b"), "a control character");
  assertEquals(filenameProblem("a\ud83c"), "half of a surrogate pair");
  assertEquals(filenameProblem(""), "an empty text");
  for (const name of [" a", "a ", "a\u00a0", "\ufeffa"]) {
    assertEquals(filenameProblem(name), "blanks at the start or the end, which headers lose");
  }
  assertEquals(headerValueProblem("a\tb"), undefined);
  assertEquals(headerValueProblem("a\rb"), "a line break");
  assertEquals(headerValueProblem("a\udfff"), "half of a surrogate pair");
});
