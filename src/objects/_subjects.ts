/**
 * Subjects of an object store (ADR-20), and the names that can stand in them.
 *
 * @module
 */
import { base64Url } from "../_digest.ts";
import { LONGEST_SUBJECT } from "../_subject.ts";
import { checkHandle } from "../_jetstream/bucket.ts";
import type { ObjectStore } from "./open_object_store.ts";

/** Where the chunks of one version of an object are. */
export function chunkSubject(bucket: string, nuid: string): string {
  return `$O.${bucket}.C.${nuid}`;
}

/** Where the metadata of an object is: the name as UTF-8 in base64url with padding. */
export function metaSubject(bucket: string, name: string): string {
  return `$O.${bucket}.M.${base64Url(new TextEncoder().encode(name))}`;
}

/**
 * Where `@nats-io/obj` puts the metadata of a name beyond ASCII: it takes the characters for bytes. `undefined` where
 * that makes no difference, and where it cannot store the name at all.
 */
export function latin1MetaSubject(bucket: string, name: string): string | undefined {
  const codes = Array.from(name, (character) => character.codePointAt(0)!);
  const beyondAscii = codes.some((code) => code > 0x7f);
  if (!beyondAscii || codes.some((code) => code > 0xff)) return undefined;
  return `$O.${bucket}.M.${base64Url(Uint8Array.from(codes))}`;
}

/**
 * @throws {TypeError} `store` is no handle, or `name` not a string, or empty, or not well-formed.
 * @throws {RangeError} The name is too long for a subject.
 */
export function checkObjectName(store: ObjectStore, name: string): void {
  checkHandle("object store", "openObjectStore", store);
  checkName(store.bucket, name);
}

/** Whether an object of the object store can have the name. */
export function isObjectName(bucket: string, name: unknown): name is string {
  try {
    checkName(bucket, name as string);
    return true;
  } catch {
    return false;
  }
}

function checkName(bucket: string, name: string): void {
  if (typeof name !== "string" || name === "") {
    throw new TypeError(
      `an object's name is a string that is not empty, not ${JSON.stringify(name)}`,
    );
  }
  if (/\p{Surrogate}/u.test(name)) {
    throw new TypeError("the object's name has a lone surrogate, which UTF-8 cannot hold");
  }
  const { length } = metaSubject(bucket, name);
  if (length > LONGEST_SUBJECT) {
    throw new RangeError(
      `the object's name is too long: its subject has ${length} bytes, and ${LONGEST_SUBJECT} fit`,
    );
  }
}
