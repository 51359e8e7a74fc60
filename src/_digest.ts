/**
 * SHA-256, native wherever the runtime has it: Deno, Node and Bun through `node:crypto`, which is asked of the process
 * rather than imported, so that bundlers do not see it; browsers through a library that is loaded on first use.
 * Written as `SHA-256=<base64url with padding>`, the form of ADR-20.
 *
 * @module
 */

/** A running SHA-256. */
export interface Sha256 {
  /** Adds bytes; they may be changed afterwards. */
  update(bytes: Uint8Array): void;
  /** The 32 bytes of the digest. Ends the hash: no method may be called again. */
  digest(): Uint8Array;
  /** Another hash that has had the same bytes, and goes on by itself. */
  copy(): Sha256;
}

/** The little of `node:crypto` that is used. */
interface NodeCrypto {
  createHash(algorithm: "sha256"): NodeHash;
}

interface NodeHash {
  update(bytes: Uint8Array): unknown;
  digest(): Uint8Array;
  copy(): NodeHash;
}

/** And of the hash library. */
interface LibraryHash {
  update(bytes: Uint8Array): unknown;
  digest(): Uint8Array;
  clone(): LibraryHash;
}

interface Host {
  process?: { getBuiltinModule?: (name: string) => unknown };
}

type StartSha256 = () => Sha256;

/** Starts hashes without waiting, where the runtime has SHA-256 of its own; `undefined` in a browser. */
export function nativeSha256(): StartSha256 | undefined {
  const host: Host = globalThis as Host;
  const crypto = host.process?.getBuiltinModule?.("node:crypto") as NodeCrypto | undefined;
  if (!crypto) return undefined;
  return () => wrapNode(crypto.createHash("sha256"));
}

/** What {@linkcode nativeSha256} returns, or in a browser the same from the hash library, which is loaded first. */
export async function loadSha256(): Promise<StartSha256> {
  const native = nativeSha256();
  if (native) return native;
  const { sha256 } = await import("@noble/hashes/sha2.js");
  return () => wrapLibrary(sha256.create());
}

/** Starts one hash. */
export async function createSha256(): Promise<Sha256> {
  return (await loadSha256())();
}

function wrapNode(hash: NodeHash): Sha256 {
  return {
    update: (bytes) => void hash.update(bytes),
    digest: () => new Uint8Array(hash.digest()),
    copy: () => wrapNode(hash.copy()),
  };
}

function wrapLibrary(hash: LibraryHash): Sha256 {
  return {
    update: (bytes) => void hash.update(bytes),
    digest: () => new Uint8Array(hash.digest()),
    copy: () => wrapLibrary(hash.clone()),
  };
}

const PREFIX = "SHA-256=";

/** `SHA-256=` and the digest in base64url with padding. */
export function formatDigest(sum: Uint8Array): string {
  return PREFIX + base64Url(sum);
}

/** A few bytes in base64url with padding (RFC 4648, 5). */
export function base64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_");
}

/** Whether `text` has the form that {@linkcode formatDigest} writes; case matters, as base64 does. */
export function isDigest(text: string): boolean {
  return /^SHA-256=[A-Za-z0-9_-]{43}=$/.test(text);
}
