import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { loadSha256 } from "../../src/_digest.ts";
import { PrefixHash } from "../../src/chunked/_send/prefix_hash.ts";
import { digestOf, payloadOf } from "./_support.ts";

const startHash = await loadSha256();

test("PrefixHash knows the digest after every chunk, and goes on", async () => {
  const data = payloadOf(50);
  const hash = new PrefixHash(startHash());
  for (let at = 0; at < 50; at += 10) hash.update(data.subarray(at, at + 10));
  for (const chunks of [0, 1, 3, 5]) {
    const digest = await digestOf(data.subarray(0, chunks * 10));
    assertEquals(hash.before(chunks), { chunks, digest });
    assertEquals(hash.before(chunks), { chunks, digest });
  }
  assertEquals(hash.digest(), await digestOf(data));
  assertEquals(hash.before(9).chunks, 5);
});

test("PrefixHash forgets what nobody will ask for, but never the nearest below", async () => {
  const data = payloadOf(50);
  const hash = new PrefixHash(startHash());
  for (let at = 0; at < 30; at += 10) hash.update(data.subarray(at, at + 10));
  hash.forgetBelow(2);
  assertEquals(hash.before(2), { chunks: 2, digest: await digestOf(data.subarray(0, 20)) });
  assertEquals(hash.before(3).chunks, 3);
  hash.forgetBelow(100);
  assertEquals(hash.before(100), { chunks: 3, digest: await digestOf(data.subarray(0, 30)) });
});

test("PrefixHash keeps a bounded number of states, and then knows some of the digests", async () => {
  const data = payloadOf(20_000);
  const hash = new PrefixHash(startHash());
  for (let at = 0; at < 20_000; at++) hash.update(data.subarray(at, at + 1));
  for (const asked of [0, 1, 9_999, 20_000]) {
    const { chunks, digest } = hash.before(asked);
    assert(chunks <= asked && asked - chunks < 16, `${chunks} of ${asked}`);
    assertEquals(digest, await digestOf(data.subarray(0, chunks)));
  }
});
