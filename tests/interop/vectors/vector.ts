/**
 * The test vectors of chunked uploads: what `chunked.json` holds, and what its definitions are made with.
 *
 * @module
 */
import { createHash } from "node:crypto";

/** A header, as its line on the wire has it. */
export type HeaderLine = readonly [name: string, value: string];

/** A message's body: `length` bytes of the endless text number `seed`, from position `from` on. */
export interface BodySpec {
  readonly length: number;
  readonly from: number;
  readonly seed: number;
}

/** What becomes of a message. */
export type Expectation =
  | { readonly result: "ignored" }
  | { readonly result: "accepted"; readonly uploadId: string; readonly chunkIndex: number }
  | { readonly result: "duplicate"; readonly uploadId: string; readonly chunkIndex: number }
  | {
    readonly result: "complete";
    readonly uploadId: string;
    readonly size: number;
    readonly digest: string;
    readonly filename: string | null;
    readonly contentType: string | null;
    readonly headers: readonly HeaderLine[];
  }
  | {
    readonly result: "refused";
    readonly reason: string;
    readonly scope: "chunk" | "upload";
    readonly uploadId: string | null;
  };

/** One message, and what is to become of it. */
export interface VectorMessage {
  /** The headers in their order; `null` for a message without any. */
  readonly headers?: readonly HeaderLine[] | null;
  /** The whole header block instead, one byte for each character. */
  readonly raw?: string;
  readonly reply?: string;
  readonly body: BodySpec;
  readonly expect: Expectation;
  /** What a receiver with another client library may make of it, where libraries differ. */
  readonly otherwise?: readonly Expectation[];
  /** What the application does with a payload that is whole. */
  readonly then?: "ack" | "nak" | "wait";
  /** The last credit that went to `reply`, without its `X-Chunk-Receiver`. */
  readonly answer?: readonly HeaderLine[];
}

/** The bounds of the receiver, where they are not the defaults. */
export interface VectorLimits {
  readonly maxUploadBytes?: number;
  readonly maxChunks?: number;
  readonly maxUploads?: number;
  readonly maxBufferedBytes?: number;
}

/** Messages for one receiver, in order. */
export interface Vector {
  readonly name: string;
  readonly limits?: VectorLimits;
  readonly messages: readonly VectorMessage[];
}

/** The bytes that a spec stands for. */
export function bodyOf({ length, from, seed }: BodySpec): Uint8Array<ArrayBuffer> {
  const body = new Uint8Array(length);
  for (let at = 0; at < length; at++) {
    const position = from + at;
    body[at] = position * 7 + seed * 13 + Math.floor(position / 256);
  }
  return body;
}

/** The digest of the first `size` bytes of a text, as PROTOCOL 4 writes it. */
export function digestOf(size: number, seed = 1): string {
  const sum = createHash("sha256").update(bodyOf({ length: size, from: 0, seed })).digest();
  const text = sum.toString("base64").replaceAll("+", "-").replaceAll("/", "_");
  return `SHA-256=${text}`;
}

/** An upload to write chunks of. */
export interface UploadSpec {
  readonly id: string;
  readonly size: number;
  readonly chunkSize: number;
  readonly seed: number;
  /** Header lines after those of the protocol. */
  readonly extra: readonly HeaderLine[];
}

/** The upload that most vectors send: three chunks. */
export const UPLOAD: UploadSpec = {
  id: "0f8fad5b-d9cb-469f-a165-70867728950e",
  size: 2_500,
  chunkSize: 1_000,
  seed: 1,
  extra: [],
};

/** Another one, to be interleaved with it. */
export const OTHER: UploadSpec = {
  ...UPLOAD,
  id: "7c9e6679-7425-40de-944b-e07fc1f90ae7",
  seed: 2,
};

/** An upload of a single chunk of five bytes. */
export const SMALL: UploadSpec = { ...UPLOAD, size: 5, chunkSize: 1_000 };

/** A chunk as a version-1 sender writes it, to which vectors do things. */
export interface Chunk {
  headers: HeaderLine[];
  body: BodySpec;
}

/** Chunk `index` of an upload. */
export function chunkOf(upload: UploadSpec, index: number): Chunk {
  const { id, size, chunkSize, seed, extra } = upload;
  const from = index * chunkSize;
  return {
    headers: [
      ["X-Payload-Type", "chunked-upload"],
      ["X-Chunked-Upload-Id", id],
      ["X-Chunk-Index", String(index)],
      ["X-Chunk-Count", String(Math.max(1, Math.ceil(size / chunkSize)))],
      ["X-Total-Size", String(size)],
      ...extra,
    ],
    body: { length: Math.max(0, Math.min(chunkSize, size - from)), from, seed },
  };
}

/** Sets a header, adds it where there is none, or with `undefined` leaves it out. */
export function withHeader({ headers, body }: Chunk, name: string, value?: string): Chunk {
  const found = headers.some(([own]) => own === name);
  const changed = headers.flatMap((line): HeaderLine[] => {
    if (line[0] !== name) return [line];
    return value === undefined ? [] : [[name, value]];
  });
  if (!found && value !== undefined) changed.push([name, value]);
  return { headers: changed, body };
}

/** Gives a chunk another length. */
export function withLength({ headers, body }: Chunk, length: number): Chunk {
  return { headers, body: { ...body, length } };
}

/** A chunk that is taken in. */
export function accepted(chunk: Chunk, upload: UploadSpec, index: number): VectorMessage {
  return { ...chunk, expect: { result: "accepted", uploadId: upload.id, chunkIndex: index } };
}

/** A chunk that is there already. */
export function duplicate(chunk: Chunk, upload: UploadSpec, index: number): VectorMessage {
  return { ...chunk, expect: { result: "duplicate", uploadId: upload.id, chunkIndex: index } };
}

/** What a payload is expected to be beside its bytes. */
export interface WholeSpec {
  filename?: string;
  contentType?: string;
  headers?: readonly HeaderLine[];
}

/** A chunk that makes its upload whole. */
export function complete(
  chunk: Chunk,
  { id, size, seed }: UploadSpec,
  { filename, contentType, headers = [] }: WholeSpec = {},
): VectorMessage {
  const expect: Expectation = {
    result: "complete",
    uploadId: id,
    size,
    digest: digestOf(size, seed),
    filename: filename ?? null,
    contentType: contentType ?? null,
    headers,
  };
  return { ...chunk, expect };
}

/** A chunk that is refused. */
export function refused(
  chunk: Chunk,
  reason: string,
  uploadId: string | null = UPLOAD.id,
  scope: "chunk" | "upload" = "chunk",
): VectorMessage {
  return { ...chunk, expect: { result: "refused", reason, scope, uploadId } };
}

/** A message that is none of this protocol's. */
export function ignored(chunk: Chunk): VectorMessage {
  return { ...chunk, expect: { result: "ignored" } };
}

/** All chunks of an upload in order, the last of which makes it whole. */
export function wholeUpload(upload: UploadSpec, whole: WholeSpec = {}): VectorMessage[] {
  const count = Math.max(1, Math.ceil(upload.size / upload.chunkSize));
  return Array.from({ length: count }, (_, index) => {
    const chunk = chunkOf(upload, index);
    return index < count - 1 ? accepted(chunk, upload, index) : complete(chunk, upload, whole);
  });
}
