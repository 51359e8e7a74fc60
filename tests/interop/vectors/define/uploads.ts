/** PROTOCOL 1 and 2: lengths, order, repeats and limits. */
import {
  accepted,
  type Chunk,
  chunkOf,
  complete,
  duplicate,
  OTHER,
  refused,
  SMALL,
  UPLOAD,
  type Vector,
  wholeUpload,
  withHeader,
  withLength,
} from "../vector.ts";

/** Sends the wrong chunk first, and then the whole upload. */
function refusedFirst(name: string, index: number, length: number, upload = UPLOAD): Vector {
  const wrong = refused(withLength(chunkOf(upload, index), length), "length");
  return { name, messages: [wrong, ...wholeUpload(upload)] };
}

/** Sends the wrong chunk second, and then the rest of the upload. */
export function refusedSecond(name: string, wrong: Chunk, reason: string): Vector {
  const [first, ...rest] = wholeUpload(UPLOAD);
  return { name, messages: [first!, refused(wrong, reason), ...rest] };
}

const lengths: Vector[] = [
  { name: "an empty payload is one chunk", messages: wholeUpload({ ...SMALL, size: 0 }) },
  {
    name: "two chunks of nothing are refused",
    messages: [
      refused(withHeader(chunkOf({ ...SMALL, size: 0 }, 0), "X-Chunk-Count", "2"), "malformed"),
    ],
  },
  {
    name: "a byte of nothing is refused",
    messages: [refused(withLength(chunkOf({ ...SMALL, size: 0 }, 0), 1), "length")],
  },
  { name: "a payload of one byte is taken", messages: wholeUpload({ ...SMALL, size: 1 }) },
  {
    name: "chunks that fill the last one are taken",
    messages: wholeUpload({ ...UPLOAD, size: 3_000 }),
  },
  {
    name: "a last chunk of one byte is taken",
    messages: wholeUpload({ ...UPLOAD, size: 2_001 }),
  },
  {
    name: "a chunk of 8,000,000 bytes is taken",
    messages: wholeUpload({ ...SMALL, size: 8_000_000, chunkSize: 8_000_000 }),
  },
  {
    name: "a chunk of 8,000,001 bytes is refused",
    messages: [
      refused(chunkOf({ ...SMALL, size: 8_000_001, chunkSize: 8_000_001 }, 0), "length"),
    ],
  },
  refusedFirst("a single chunk that is short is refused", 0, 4, SMALL),
  refusedFirst("a single chunk that is long is refused", 0, 6, SMALL),
  refusedFirst("a single chunk without its bytes is refused", 0, 0, SMALL),
  refusedFirst("a first chunk of which fewer would do is refused", 0, 1_250),
  refusedFirst("a first chunk of which more would be needed is refused", 0, 833),
  refusedFirst("a first chunk without bytes is refused", 0, 0),
  refusedFirst("a last chunk that leaves no whole chunks is refused", 2, 499),
  refusedFirst("a last chunk longer than the others is refused", 2, 900),
  refusedFirst("a last chunk without bytes is refused", 2, 0),
  refusedSecond(
    "a second chunk that is short is refused",
    withLength(chunkOf(UPLOAD, 1), 999),
    "length",
  ),
  refusedSecond(
    "a second chunk that is long is refused",
    withLength(chunkOf(UPLOAD, 1), 1_001),
    "length",
  ),
  refusedSecond(
    "a second chunk without bytes is refused",
    withLength(chunkOf(UPLOAD, 1), 0),
    "length",
  ),
  refusedSecond(
    "a last chunk that is short is refused",
    withLength(chunkOf(UPLOAD, 2), 498),
    "length",
  ),
  refusedSecond(
    "a last chunk that is long is refused",
    withLength(chunkOf(UPLOAD, 2), 1_000),
    "length",
  ),
];

const [zero, one, two] = [0, 1, 2].map((index) => chunkOf(UPLOAD, index)) as [Chunk, Chunk, Chunk];
const changed: Chunk = { ...one, body: { ...one.body, seed: 9 } };

const orders: Vector[] = [
  { name: "chunks in order", messages: wholeUpload(UPLOAD) },
  {
    name: "chunks backwards",
    messages: [accepted(two, UPLOAD, 2), accepted(one, UPLOAD, 1), complete(zero, UPLOAD)],
  },
  {
    name: "the last chunk in the middle",
    messages: [accepted(one, UPLOAD, 1), accepted(two, UPLOAD, 2), complete(zero, UPLOAD)],
  },
  {
    name: "a repeated chunk is ignored",
    messages: [
      accepted(zero, UPLOAD, 0),
      duplicate(zero, UPLOAD, 0),
      accepted(two, UPLOAD, 2),
      duplicate(two, UPLOAD, 2),
      duplicate(zero, UPLOAD, 0),
      complete(one, UPLOAD),
    ],
  },
  {
    name: "of a chunk that came twice the first counts",
    messages: [
      accepted(zero, UPLOAD, 0),
      accepted(one, UPLOAD, 1),
      duplicate(changed, UPLOAD, 1),
      complete(two, UPLOAD),
    ],
  },
  {
    name: "a repeat before the payload is settled is ignored",
    messages: [
      { ...complete(chunkOf(SMALL, 0), SMALL), then: "wait" },
      duplicate(chunkOf(SMALL, 0), SMALL, 0),
    ],
  },
  {
    name: "late repeats start no second upload",
    messages: [...wholeUpload(UPLOAD), ...[zero, one, two].map((c, i) => duplicate(c, UPLOAD, i))],
  },
  {
    name: "a chunk of a rejected upload is refused",
    messages: [
      { ...complete(chunkOf(SMALL, 0), SMALL), then: "nak" },
      refused(chunkOf(SMALL, 0), "rejected"),
    ],
  },
  {
    name: "interleaved uploads do not meet",
    messages: [
      accepted(zero, UPLOAD, 0),
      accepted(chunkOf(OTHER, 2), OTHER, 2),
      accepted(one, UPLOAD, 1),
      accepted(chunkOf(OTHER, 0), OTHER, 0),
      complete(two, UPLOAD),
      complete(chunkOf(OTHER, 1), OTHER),
    ],
  },
];

const tooLarge = (chunk: Chunk) => refused(chunk, "too-large", UPLOAD.id, "upload");
const full = (chunk: Chunk) => refused(chunk, "full", OTHER.id);

const limits: Vector[] = [
  {
    name: "as many bytes as are allowed",
    limits: { maxUploadBytes: 2_500 },
    messages: wholeUpload(UPLOAD),
  },
  {
    name: "a byte more than is allowed is refused with its upload",
    limits: { maxUploadBytes: 2_499 },
    messages: [tooLarge(zero), tooLarge(two)],
  },
  {
    name: "as many chunks as are allowed",
    limits: { maxChunks: 3 },
    messages: wholeUpload(UPLOAD),
  },
  {
    name: "a chunk more than is allowed is refused with its upload",
    limits: { maxChunks: 2 },
    messages: [tooLarge(zero)],
  },
  {
    name: "declared sizes that nobody could hold are refused",
    messages: [
      tooLarge(withHeader(zero, "X-Total-Size", "1000000000000000")),
      tooLarge(
        withHeader(
          withHeader(zero, "X-Total-Size", "9007199254740991"),
          "X-Chunk-Count",
          "4000000000",
        ),
      ),
    ],
  },
  {
    name: "an upload more than is allowed waits until one is settled",
    limits: { maxUploads: 1 },
    messages: [
      accepted(zero, UPLOAD, 0),
      full(chunkOf(OTHER, 0)),
      accepted(one, UPLOAD, 1),
      complete(two, UPLOAD),
      ...wholeUpload(OTHER),
    ],
  },
  {
    name: "declared sizes are reserved until the payload is settled",
    limits: { maxBufferedBytes: 4_000 },
    messages: [
      accepted(zero, UPLOAD, 0),
      full(chunkOf(OTHER, 0)),
      accepted(one, UPLOAD, 1),
      { ...complete(two, UPLOAD), then: "wait" },
      full(chunkOf(OTHER, 0)),
    ],
  },
];

/** The vectors of this file. */
export const uploadVectors: Vector[] = [
  ...lengths,
  ...orders,
  ...limits,
];
