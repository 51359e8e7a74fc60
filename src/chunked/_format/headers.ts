/**
 * The headers of a chunk (PROTOCOL 1): written by the sender, read by the receiver.
 *
 * @module
 */
import { headers as createHeaders, type MsgHdrs } from "@nats-io/nats-core";
import { ASK_TYPE, CreditHeader } from "../../_credit/wire.ts";
import { parseDecimal } from "../../_decimal.ts";
import { formatDigest, isDigest } from "../../_digest.ts";
import { parseUploadId } from "../../_upload_id.ts";

/** The header names of PROTOCOL 1, spelled as on the wire. */
export const ChunkHeader = {
  payloadType: "X-Payload-Type",
  uploadId: "X-Chunked-Upload-Id",
  index: "X-Chunk-Index",
  count: "X-Chunk-Count",
  totalSize: "X-Total-Size",
  filename: "X-Filename",
  contentType: "X-Content-Type",
  digest: "X-Payload-Digest",
  digestFollows: "X-Chunk-Digest",
} as const;

const CHUNK_TYPE = "chunked-upload";

/** A receiver keeps the headers of uploads and asks, so they are bounded like everything that a stranger sends. */
export const MAX_HEADER_BYTES = 65_536;

/** What every chunk of an upload repeats. */
export interface UploadMetadata {
  /** In lower-case hyphenated form. */
  readonly uploadId: string;
  readonly chunkCount: number;
  /** Bytes of the whole payload. */
  readonly totalSize: number;
  readonly filename: string | undefined;
  readonly contentType: string | undefined;
}

/** The headers of one chunk, or of an ask. */
export interface ChunkInfo extends UploadMetadata {
  readonly index: number;
  /** `SHA-256=…` of the whole payload, where the chunk carries it. */
  readonly digest: string | undefined;
  /** Whether the sender says, on chunk 0, that the last one will carry the digest: then it is worth hashing along. */
  readonly digestFollows: boolean;
  /** Whether the sender waits for credit on the reply subject. */
  readonly credit: boolean;
  /** The number of the ask; `undefined` for a chunk. */
  readonly ask: number | undefined;
}

/** What a message turned out to be. */
export type ParsedMessage =
  | { readonly type: "foreign" }
  | { readonly type: "malformed"; readonly uploadId: string | undefined; readonly problem: string }
  | { readonly type: "chunk"; readonly info: ChunkInfo };

/** Reads the headers of a message. Names are matched exactly, and the last value of a repeated header counts. */
export function parseChunkHeaders(headers: MsgHdrs | undefined): ParsedMessage {
  const payloadType = headers?.last(ChunkHeader.payloadType);
  if (!headers || (payloadType !== CHUNK_TYPE && payloadType !== ASK_TYPE)) {
    return { type: "foreign" };
  }

  const uploadId = parseUploadId(headers.last(ChunkHeader.uploadId));
  const malformed = (name: string, wanted: string): ParsedMessage => ({
    type: "malformed",
    uploadId,
    problem: `${name} is ${JSON.stringify(headers.last(name).slice(0, 100))}, wanted is ${wanted}`,
  });
  if (!uploadId) return malformed(ChunkHeader.uploadId, "a UUID");

  const index = parseDecimal(headers.last(ChunkHeader.index));
  if (index === undefined) return malformed(ChunkHeader.index, "a number in digits");
  const chunkCount = parseDecimal(headers.last(ChunkHeader.count));
  if (!chunkCount) return malformed(ChunkHeader.count, "a number in digits, at least 1");
  if (index >= chunkCount) return malformed(ChunkHeader.index, `an index below ${chunkCount}`);
  const totalSize = parseDecimal(headers.last(ChunkHeader.totalSize));
  if (totalSize === undefined) return malformed(ChunkHeader.totalSize, "a number in digits");
  if (chunkCount > Math.max(1, totalSize)) {
    return malformed(ChunkHeader.count, `at most one chunk per byte of ${totalSize}`);
  }
  const digest = headers.last(ChunkHeader.digest) || undefined;
  if (digest && !isDigest(digest)) return malformed(ChunkHeader.digest, "SHA-256= and base64url");
  const filename = headers.last(ChunkHeader.filename) || undefined;
  if (filename !== undefined && filenameProblem(filename)) {
    return malformed(
      ChunkHeader.filename,
      "a name without control characters, of at most 1,024 bytes",
    );
  }

  let ask: number | undefined;
  if (payloadType === ASK_TYPE) {
    ask = parseDecimal(headers.last(CreditHeader.ask));
    if (!ask || index !== 0) {
      return malformed(CreditHeader.ask, "a number from 1, with chunk index 0");
    }
  }
  const contentType = headers.last(ChunkHeader.contentType) || undefined;
  const credit = headers.last(CreditHeader.credit) === "1";
  return {
    type: "chunk",
    info: {
      uploadId,
      index,
      chunkCount,
      totalSize,
      filename,
      contentType,
      digest,
      digestFollows: headers.has(ChunkHeader.digestFollows),
      credit,
      ask,
    },
  };
}

/** Reads the headers of a message as it came: the client decodes them on use, and throws at those that break its rules. */
export function parseChunkMessage(
  message: { readonly headers?: MsgHdrs | undefined },
): ParsedMessage {
  let headers: MsgHdrs | undefined;
  try {
    headers = message.headers;
  } catch {
    return { type: "malformed", uploadId: undefined, problem: "the headers cannot be decoded" };
  }
  const parsed = parseChunkHeaders(headers);
  if (parsed.type !== "chunk") return parsed;
  const bytes = encodedLength(headers!);
  if (bytes <= MAX_HEADER_BYTES) return parsed;
  const problem = `the headers have ${bytes} bytes, wanted are at most ${MAX_HEADER_BYTES}`;
  return { type: "malformed", uploadId: parsed.info.uploadId, problem };
}

/** Writes the headers of chunk `index` after the sender's own ones. */
export function writeChunkHeaders(
  metadata: UploadMetadata,
  index: number,
  own: Iterable<readonly [string, readonly string[]]> = [],
): MsgHdrs {
  const headers = createHeaders();
  for (const [name, values] of own) for (const value of values) headers.append(name, value);
  headers.set(ChunkHeader.payloadType, CHUNK_TYPE);
  headers.set(ChunkHeader.uploadId, metadata.uploadId);
  headers.set(ChunkHeader.index, String(index));
  headers.set(ChunkHeader.count, String(metadata.chunkCount));
  headers.set(ChunkHeader.totalSize, String(metadata.totalSize));
  if (metadata.filename !== undefined) headers.set(ChunkHeader.filename, metadata.filename);
  if (metadata.contentType !== undefined) {
    headers.set(ChunkHeader.contentType, metadata.contentType);
  }
  return headers;
}

const PROTOCOL_NAMES = new Set<string>(
  Object.values(ChunkHeader).map((name) => name.toLowerCase()),
);

/** Whether natskit or the server gives the header a meaning, so that a sender may not set it. */
export function isProtocolHeader(name: string): boolean {
  const lower = name.toLowerCase();
  return PROTOCOL_NAMES.has(lower) ||
    ["nats-", "x-chunk", "x-payload-"].some((prefix) => lower.startsWith(prefix));
}

/** The sender's own headers: those without the ones of the protocol and of the server. */
export function ownHeaders(headers: MsgHdrs): MsgHdrs {
  const own = createHeaders();
  for (const [name, values] of headers) {
    if (!isProtocolHeader(name)) { for (const value of values) own.append(name, value); }
  }
  return own;
}

const MOST_FILENAME_BYTES = 1_024;

/** What is wrong with `name` as an `X-Filename`, if anything. */
export function filenameProblem(name: string): string | undefined {
  if (/\p{Cc}/u.test(name)) return "a control character";
  const bytes = new TextEncoder().encode(name).length;
  if (bytes > MOST_FILENAME_BYTES) return `${bytes} bytes of UTF-8`;
  return headerValueProblem(name);
}

/** What is wrong with `value` as the value of a header, if anything. */
export function headerValueProblem(value: string): string | undefined {
  if (value === "") return "an empty text";
  if (/[\r\n]/.test(value)) return "a line break";
  if (!value.isWellFormed()) return "half of a surrogate pair";
  if (value.trim() !== value) return "blanks at the start or the end, which headers lose";
  return undefined;
}

/** Headers that are at least as long as those of any chunk: for finding out how much room the bytes have. */
export function writeLongestHeaders(
  metadata: Omit<UploadMetadata, "chunkCount">,
  own: Iterable<readonly [string, readonly string[]]>,
): MsgHdrs {
  const most = Number.MAX_SAFE_INTEGER;
  const headers = writeChunkHeaders({ ...metadata, chunkCount: most }, most, own);
  headers.set(ChunkHeader.digest, formatDigest(new Uint8Array(32)));
  headers.set(ChunkHeader.digestFollows, "SHA-256");
  headers.set(CreditHeader.credit, "1");
  return headers;
}

/** How many bytes the headers have on the wire: a status line, a line each, and an empty line. */
export function encodedLength(headers: MsgHdrs): number {
  let text = "NATS/1.0\r\n\r\n";
  for (const [name, values] of headers) {
    for (const value of values) text += `${name}: ${value}\r\n`;
  }
  return new TextEncoder().encode(text).length; // once: every chunk that arrives is measured
}
