/**
 * The messages of the credit protocol (PROTOCOL 4): what an ask adds to a chunk's headers, and what a credit says.
 *
 * @module
 */
import { headers as createHeaders, type MsgHdrs } from "@nats-io/nats-core";
import { parseDecimal } from "../_decimal.ts";
import { parseUploadId } from "../_upload_id.ts";

/** The header names of both sides, spelled as on the wire. */
export const CreditHeader = {
  uploadId: "X-Chunked-Upload-Id",
  payloadType: "X-Payload-Type",
  credit: "X-Chunk-Credit",
  ask: "X-Chunk-Ask",
  receiver: "X-Chunk-Receiver",
  next: "X-Chunk-Next",
  missing: "X-Chunk-Missing",
  window: "X-Chunk-Window",
  status: "X-Chunk-Status",
  reason: "X-Chunk-Reason",
} as const;

/** The `X-Payload-Type` of an ask; a version-1 receiver ignores it. */
export const ASK_TYPE = "chunked-ask";

/** More gaps than this are not listed; what lies above the last listed one counts as not taken over. */
const MOST_RANGES = 64;

/** Both ends included. */
export type IndexRange = readonly [first: number, last: number];

/** What a receiver tells a sender. */
export interface Credit {
  readonly uploadId: string;
  /** The random id of the receiver. */
  readonly receiver: string;
  /** The number of the last ask that the receiver has seen. */
  readonly ask: number;
  /** Every chunk with a lower index is taken over. */
  readonly next: number;
  /** The gaps from `next` on that have a chunk taken over above them. */
  readonly missing: readonly IndexRange[];
  /** Bytes that may be in flight beyond what is taken over: 0, or at least one whole chunk. */
  readonly window: number;
  readonly status: "receiving" | "complete" | "rejected";
  /** Why it is `rejected`. */
  readonly reason?: string;
}

/** Turns the headers of chunk 0 into those of ask `ask`. */
export function toAsk(chunkHeaders: MsgHdrs, ask: number): MsgHdrs {
  chunkHeaders.set(CreditHeader.payloadType, ASK_TYPE);
  chunkHeaders.set(CreditHeader.ask, String(ask));
  return chunkHeaders;
}

/** The headers that carry `credit`; the message has no body. */
export function creditHeaders(credit: Credit): MsgHdrs {
  const headers = createHeaders();
  headers.set(CreditHeader.uploadId, credit.uploadId);
  headers.set(CreditHeader.receiver, credit.receiver);
  headers.set(CreditHeader.ask, String(credit.ask));
  headers.set(CreditHeader.next, String(credit.next));
  if (credit.missing.length > 0) headers.set(CreditHeader.missing, formatRanges(credit.missing));
  headers.set(CreditHeader.window, String(credit.window));
  headers.set(CreditHeader.status, credit.status);
  if (credit.reason) headers.set(CreditHeader.reason, credit.reason.replace(/\p{Cc}+/gu, " "));
  return headers;
}

/** Reads a credit, if `headers` carry a well-formed one. */
export function parseCredit(headers: MsgHdrs | undefined): Credit | undefined {
  if (!headers) return undefined;
  const uploadId = parseUploadId(headers.last(CreditHeader.uploadId));
  const receiver = headers.last(CreditHeader.receiver);
  const ask = parseDecimal(headers.last(CreditHeader.ask));
  const next = parseDecimal(headers.last(CreditHeader.next));
  const missing = parseRanges(headers.last(CreditHeader.missing));
  const window = parseDecimal(headers.last(CreditHeader.window));
  const status = headers.last(CreditHeader.status);
  if (
    !uploadId || !receiver || ask === undefined || next === undefined || !missing ||
    window === undefined ||
    (status !== "receiving" && status !== "complete" && status !== "rejected")
  ) return undefined;
  const reason = headers.last(CreditHeader.reason);
  const credit = { uploadId, receiver, ask, next, missing, window, status } as const;
  return reason ? { ...credit, reason } : credit;
}

function formatRanges(ranges: readonly IndexRange[]): string {
  return ranges.slice(0, MOST_RANGES)
    .map(([first, last]) => first === last ? String(first) : `${first}-${last}`)
    .join(",");
}

/** Ascending ranges without overlap, or `undefined` where the text is not such a list. */
function parseRanges(text: string): IndexRange[] | undefined {
  if (text === "") return [];
  const parts = text.split(",");
  if (parts.length > MOST_RANGES) return undefined;
  const ranges: IndexRange[] = [];
  let floor = -1;
  for (const part of parts) {
    const [from = "", to = from, ...rest] = part.split("-");
    const first = parseDecimal(from);
    const last = parseDecimal(to);
    if (first === undefined || last === undefined || rest.length > 0) return undefined;
    if (first <= floor || last < first) return undefined;
    ranges.push([first, last]);
    floor = last;
  }
  return ranges;
}
