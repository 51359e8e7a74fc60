import { test } from "node:test";
import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import type { ResumeToken } from "../../src/chunked/mod.ts";
import { checkPublishOptions } from "../../src/chunked/publish_options.ts";
import { checkResumeToken, requireSameUpload } from "../../src/chunked/_send/resume_token.ts";
import { ResumeError } from "../../src/errors.ts";

const DIGEST = `SHA-256=${"A".repeat(43)}=`;
const TOKEN: ResumeToken = {
  version: 1,
  target: "jetstream",
  subject: "uploads",
  layout: "one",
  uploadId: "0f8fad5b-d9cb-469f-a165-70867728950e",
  totalSize: 10_500,
  chunkSize: 1_000,
  confirmedChunks: 11,
  digest: DIGEST,
  filename: "a.bin",
  contentType: "a/b",
  stream: { name: "S", created: "2026-01-01T00:00:00Z", firstSequence: 5, lastSequence: 9 },
  createdAt: 1_700_000_000_000,
};

test("checkResumeToken() takes what was made, also without what need not be there", () => {
  assertStrictEquals(checkResumeToken(TOKEN), TOKEN);
  const { digest: _1, filename: _2, contentType: _3, stream: _4, ...bare } = TOKEN;
  assertEquals(checkResumeToken({ ...bare, target: "core" }), { ...bare, target: "core" });
});

test("checkResumeToken() names the field that is not what it should be", () => {
  const bad: [Record<string, unknown>, string][] = [
    [{ version: 2 }, "resume.version is 2, wanted is 1"],
    [{ target: "kafka" }, 'resume.target is "kafka", wanted is "core" or "jetstream"'],
    [{ subject: 5 }, "resume.subject is 5, wanted is a subject"],
    [{ layout: null }, 'resume.layout is null, wanted is "one" or "per-chunk"'],
    [{ uploadId: "X" }, 'resume.uploadId is "X", wanted is a lower-case hyphenated UUID'],
    [{ totalSize: -1 }, "resume.totalSize is -1, wanted is a whole number from 0"],
    [{ chunkSize: 0 }, "resume.chunkSize is 0, wanted is a whole number from 1 to 8000000"],
    [{ chunkSize: 8_000_001 }, "resume.chunkSize is 8000001, wanted is"],
    [{ confirmedChunks: 1.5 }, "resume.confirmedChunks is 1.5, wanted is a whole number from 0"],
    [{ confirmedChunks: 12 }, "resume.confirmedChunks is 12, wanted are at most 11"],
    [{ digest: "SHA-1=a" }, 'resume.digest is "SHA-1=a", wanted is SHA-256=<base64url>'],
    [{ payloadDigest: 1 }, "resume.payloadDigest is 1, wanted is SHA-256=<base64url>"],
    [{ filename: "a\nb" }, 'resume.filename is "a\\nb", wanted is a file name'],
    [{ contentType: "" }, 'resume.contentType is "", wanted is a media type'],
    [{ createdAt: "now" }, 'resume.createdAt is "now", wanted is milliseconds since 1970'],
    [{ stream: undefined }, "resume.stream is undefined, wanted is an object"],
    [{ stream: 1 }, "resume.stream is 1, wanted is an object"],
    [{ stream: { ...TOKEN.stream, name: "" } }, 'resume.stream.name is "", wanted is'],
    [{ stream: { ...TOKEN.stream, created: 1 } }, "resume.stream.created is 1, wanted is"],
    [{ stream: { ...TOKEN.stream, firstSequence: 0 } }, "resume.stream.firstSequence is 0"],
    [{ stream: { ...TOKEN.stream, lastSequence: "9" } }, 'resume.stream.lastSequence is "9"'],
  ];
  for (const [change, message] of bad) {
    const error = assertThrows(() => checkResumeToken({ ...TOKEN, ...change }), TypeError);
    assertEquals(error.message.slice(0, message.length), message);
  }
  for (const token of [null, "text", [TOKEN], 5]) {
    assertThrows(() => checkResumeToken(token), TypeError, "wanted is an object");
  }
});

test("requireSameUpload() refuses another upload by the name of the field, with both values", () => {
  const { target, subject, layout, uploadId, totalSize, chunkSize, filename } = TOKEN;
  const call = { target, subject, layout, uploadId, totalSize, chunkSize, filename };
  requireSameUpload(TOKEN, call);
  requireSameUpload(TOKEN, { ...call, filename: undefined });
  const bad: [Partial<ResumeToken>, string][] = [
    [{ target: "core" }, 'resume.target is "jetstream", this call has "core": wanted is the same'],
    [{ subject: "x" }, 'resume.subject is "uploads", this call has "x"'],
    [{ layout: "per-chunk" }, 'resume.layout is "one", this call has "per-chunk"'],
    [{ uploadId: "y" }, `resume.uploadId is "${uploadId}", this call has "y"`],
    [{ chunkSize: 999 }, "resume.chunkSize is 1000, this call has 999"],
    [{ filename: "b" }, 'resume.filename is "a.bin", this call has "b"'],
    [{ contentType: "c" }, 'resume.contentType is "a/b", this call has "c"'],
  ];
  for (const [change, message] of bad) {
    const error = assertThrows(() => requireSameUpload(TOKEN, { ...call, ...change }), RangeError);
    assertEquals(error.message.slice(0, message.length), message);
  }
  const error = assertThrows(
    () => requireSameUpload(TOKEN, { ...call, totalSize: 10_499 }),
    ResumeError,
  );
  assertEquals([error.reason, error.expected, error.actual], ["changed", 10_500, 10_499]);
  assertEquals(
    error.message,
    `upload ${uploadId} cannot be resumed, it has to start anew: ` +
      "the source has changed: it has 10499 bytes, it had 10500",
  );
});

test("checkPublishOptions() takes from the token what is not given beside it", () => {
  const source = { name: "other.bin", contentType: "x/y" };
  const taken = checkPublishOptions({ resume: { ...TOKEN, layout: "per-chunk" } }, source);
  const { uploadId, chunkSize, filename, contentType, digest, layout } = taken;
  assertEquals([uploadId, chunkSize, filename, contentType, digest, layout], [
    TOKEN.uploadId,
    1_000,
    "a.bin",
    "a/b",
    true,
    "per-chunk",
  ]);
  const { digest: _, ...bare } = TOKEN;
  assertEquals(checkPublishOptions({ resume: bare }, source).digest, false);
  const error = assertThrows(
    () => checkPublishOptions({ resume: bare, digest: true }, source),
    RangeError,
  );
  assertEquals(error.message, "resume has no digest, digest is true: wanted is the same");
});
