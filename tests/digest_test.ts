import { test } from "node:test";
import { createHash } from "node:crypto";
import process from "node:process";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { createSha256, formatDigest, isDigest, loadSha256, nativeSha256 } from "../src/_digest.ts";

const EMPTY = "SHA-256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU=";
const ABC = "SHA-256=ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0=";

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Takes away what only Deno, Node and Bun have, so that the code runs as it would in a browser. */
async function asInBrowser<T>(run: () => Promise<T>): Promise<T> {
  const own = Object.getOwnPropertyDescriptor(process, "getBuiltinModule");
  Object.defineProperty(process, "getBuiltinModule", { value: undefined, configurable: true });
  try {
    return await run();
  } finally {
    if (own) Object.defineProperty(process, "getBuiltinModule", own);
    else delete (process as { getBuiltinModule?: unknown }).getBuiltinModule;
  }
}

test("createSha256() gives the known digest when nothing was added", async () => {
  assertEquals(formatDigest((await createSha256()).digest()), EMPTY);
});

test("createSha256() gives the known digest of abc", async () => {
  const hash = await createSha256();
  hash.update(bytes("abc"));
  assertEquals(formatDigest(hash.digest()), ABC);
});

test("createSha256() gives the digest of all bytes when they are added in pieces", async () => {
  const hash = await createSha256();
  const piece = new Uint8Array(1);
  for (const byte of bytes("abc")) {
    piece[0] = byte; // the same array is used again: update() must have taken the byte
    hash.update(piece);
  }
  assertEquals(formatDigest(hash.digest()), ABC);
});

test("createSha256() gives the known digest of a million times a", async () => {
  const hash = await createSha256();
  const piece = bytes("a".repeat(1_000));
  for (let round = 0; round < 1_000; round++) hash.update(piece);
  const hex = Array.from(hash.digest(), (byte) => byte.toString(16).padStart(2, "0")).join("");
  assertEquals(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
});

test("nativeSha256() starts hashes that do not mix", () => {
  const start = nativeSha256();
  assert(start);
  const [one, other] = [start(), start()];
  one.update(bytes("abc"));
  assertEquals(formatDigest(other.digest()), EMPTY);
  assertEquals(formatDigest(one.digest()), ABC);
});

test("loadSha256() gives the same digests when the runtime has no SHA-256 of its own", async () => {
  await asInBrowser(async () => {
    assertEquals(nativeSha256(), undefined);
    const start = await loadSha256();
    for (const size of [0, 1, 55, 56, 63, 64, 65, 1_000_003]) {
      const data = Uint8Array.from({ length: size }, (_, index) => index * 31);
      const hash = start();
      hash.update(data.subarray(0, size >> 1));
      hash.update(data.subarray(size >> 1));
      const expected = new Uint8Array(createHash("sha256").update(data).digest());
      assertEquals(hash.digest(), expected, `size ${size}`);
    }
  });
});

test("asInBrowser() of this test gives back what it took", async () => {
  const boom = await assertRejects(() => asInBrowser(() => Promise.reject(new Error("boom"))));
  assertEquals(boom.message, "boom");
  assert(nativeSha256());
});

test("copy() gives a hash that goes on by itself, native or not", async () => {
  const compare = async (): Promise<void> => {
    const hash = await createSha256();
    hash.update(bytes("a"));
    const copy = hash.copy();
    const again = copy.copy();
    copy.update(bytes("bc"));
    hash.update(bytes("xyz"));
    assertEquals(formatDigest(copy.digest()), ABC);
    again.update(bytes("bc"));
    assertEquals(formatDigest(again.digest()), ABC);
    assertEquals(
      formatDigest(hash.digest()),
      formatDigest(createHash("sha256").update("axyz").digest()),
    );
  };
  await compare();
  await asInBrowser(compare);
});

test("formatDigest() writes base64url with padding", () => {
  // All ones give only "/" in base64, and 0xfb 0xef 0xbe … only "+".
  assertEquals(formatDigest(new Uint8Array(32).fill(0xff)), `SHA-256=${"_".repeat(42)}8=`);
  const pluses = Uint8Array.from({ length: 32 }, (_, index) => [0xfb, 0xef, 0xbe][index % 3]!);
  assertEquals(formatDigest(pluses), `SHA-256=${"-".repeat(42)}8=`);
});

test("isDigest() takes what formatDigest() writes and nothing else", () => {
  assertEquals(isDigest(EMPTY), true);
  const others = [
    "",
    "SHA-256=",
    EMPTY.slice(0, -1),
    EMPTY + "=",
    EMPTY + "\n",
    " " + EMPTY,
    EMPTY.replace("SHA-256", "sha-256"),
    EMPTY.replaceAll("-", "+").replace("SHA+256", "SHA-256"),
    "SHA-256=" + "0".repeat(64),
    "SHA-512=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU=",
  ];
  for (const other of others) assertEquals(isDigest(other), false, other);
});
