/** PROTOCOL 1: ids, payload types, header names and numbers. */
import {
  accepted,
  type Chunk,
  chunkOf,
  complete,
  ignored,
  refused,
  SMALL,
  UPLOAD,
  type Vector,
  type VectorMessage,
  wholeUpload,
  withHeader,
} from "../vector.ts";

const ID = "X-Chunked-Upload-Id";
const TYPE = "X-Payload-Type";
const small = (): Chunk => chunkOf(SMALL, 0);

const SPELLINGS: [string, string][] = [
  ["in upper case", SMALL.id.toUpperCase()],
  ["without hyphens", SMALL.id.replaceAll("-", "")],
  ["without hyphens in upper case", SMALL.id.replaceAll("-", "").toUpperCase()],
  ["in braces", `{${SMALL.id}}`],
  ["in braces without hyphens", `{${SMALL.id.replaceAll("-", "")}}`],
  ["as a URN", `urn:uuid:${SMALL.id}`],
  ["as a URN in upper case", `URN:UUID:${SMALL.id.toUpperCase()}`],
];

const OTHER_IDS: [string, string][] = [
  ["nil", "00000000-0000-0000-0000-000000000000"],
  ["all ones", "ffffffff-ffff-ffff-ffff-ffffffffffff"],
  ["of version 1", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"],
  ["of version 7", "018f4e1c-7b2a-7c3d-9e4f-5a6b7c8d9e0f"],
  ["of no version", "12345678-1234-0000-0000-123456789abc"],
];

const NO_IDS: [string, string | undefined][] = [
  ["missing", undefined],
  ["empty", ""],
  ["a digit short", SMALL.id.slice(1)],
  ["a digit too long", `${SMALL.id}0`],
  ["not hexadecimal", SMALL.id.replace("f", "g")],
  ["hyphenated elsewhere", "0f8f-ad5bd9cb-469f-a165-70867728950e"],
  ["hyphenated in part", SMALL.id.replace("-", "")],
  ["with one brace", `{${SMALL.id}`],
  ["in parentheses", `(${SMALL.id})`],
  ["a URN of another kind", `urn:oid:${SMALL.id}`],
  ["a URN in braces", `{urn:uuid:${SMALL.id}}`],
  ["with text after it", `${SMALL.id} x`],
];

const ids: Vector[] = [
  ...SPELLINGS.map(([what, text]) => ({
    name: `an id ${what} is compared in lower-case hyphenated form`,
    messages: [complete(withHeader(small(), ID, text), SMALL)],
  })),
  ...OTHER_IDS.map(([what, id]) => ({
    name: `an id that is ${what} is an id`,
    messages: wholeUpload({ ...SMALL, id }),
  })),
  ...NO_IDS.map(([what, text]) => ({
    name: `an id that is ${what} is refused`,
    messages: [refused(withHeader(small(), ID, text), "malformed", null)],
  })),
  {
    name: "chunks of one upload may spell its id differently",
    messages: [
      accepted(withHeader(chunkOf(UPLOAD, 0), ID, UPLOAD.id.toUpperCase()), UPLOAD, 0),
      accepted(withHeader(chunkOf(UPLOAD, 1), ID, `{${UPLOAD.id}}`), UPLOAD, 1),
      complete(withHeader(chunkOf(UPLOAD, 2), ID, UPLOAD.id.replaceAll("-", "")), UPLOAD),
    ],
  },
];

const types: Vector[] = [
  {
    name: "a message without headers is ignored",
    messages: [{ headers: null, body: small().body, expect: { result: "ignored" } }],
  },
  ...["other", "Chunked-Upload", "chunked-upload2", "", undefined].map((type) => ({
    name: `a payload type that is ${
      type === undefined ? "missing" : JSON.stringify(type)
    } is ignored`,
    messages: [ignored(withHeader(small(), TYPE, type))],
  })),
];

/** Writes a chunk's header names in lower case, all or one. */
function lowerCase({ headers, body }: Chunk, only?: string): Chunk {
  return {
    headers: headers.map(([name, value]) => [
      only === undefined || only === name ? name.toLowerCase() : name,
      value,
    ]),
    body,
  };
}

const PROTOCOL_NAMES = [ID, "X-Chunk-Index", "X-Chunk-Count", "X-Total-Size"];

const names: Vector[] = [
  {
    name: "header names in lower case are no chunk's",
    messages: [ignored(lowerCase(small()))],
  },
  ...PROTOCOL_NAMES.map((name) => ({
    name: `${name} in lower case counts as missing`,
    messages: [refused(lowerCase(small(), name), "malformed", name === ID ? null : SMALL.id)],
  })),
  {
    name: "X-Filename in lower case is no filename",
    messages: [
      {
        ...complete(withHeader(small(), "x-filename", "a.bin"), SMALL),
        // No sender may have such a header of its own, so a receiver need not hand it over.
        otherwise: [
          complete(small(), SMALL, { headers: [["x-filename", "a.bin"]] }).expect,
        ],
      },
    ],
  },
];

/** Puts a line with another value before every header, or before one. */
function repeated({ headers, body }: Chunk, first: string, only?: string): Chunk {
  return {
    headers: headers.flatMap(([name, value]) =>
      only === undefined || only === name ? [[name, first], [name, value]] : [[name, value]]
    ),
    body,
  };
}

const repeats: Vector[] = [
  {
    name: "of repeated headers the last value counts",
    messages: [
      complete(
        repeated(
          withHeader(
            withHeader(small(), "X-Filename", "last"),
            "X-Content-Type",
            "text/last",
          ),
          "not this one",
        ),
        SMALL,
        { filename: "last", contentType: "text/last" },
      ),
    ],
  },
  {
    name: "a payload type repeated with another value last is ignored",
    messages: [ignored(repeated(withHeader(small(), TYPE, "other"), "chunked-upload", TYPE))],
  },
  {
    name: "a number repeated with none last is refused",
    messages: [
      refused(
        repeated(withHeader(small(), "X-Chunk-Index", "x"), "0", "X-Chunk-Index"),
        "malformed",
      ),
    ],
  },
  {
    name: "own headers keep all their values, in order",
    messages: [
      complete(
        { ...small(), headers: [...small().headers, ["X-Own", "1"], ["X-Own", "2"], ["Y", "3"]] },
        SMALL,
        { headers: [["X-Own", "1"], ["X-Own", "2"], ["Y", "3"]] },
      ),
    ],
  },
];

const NO_NUMBERS: [string, string | undefined][] = [
  ["missing", undefined],
  ["empty", ""],
  ...["+1", "-1", "-0", "1e3", "0x10", "1.0", "1_000", "1,000", "1 0", "١", "１", "one", "1n"].map((
    text,
  ): [string, string] => [JSON.stringify(text), text]),
  ["no safe integer", "9007199254740992"],
  ["beyond 64 bits", "99999999999999999999"],
];

const numbers: Vector[] = [
  ...["X-Chunk-Index", "X-Chunk-Count", "X-Total-Size"].flatMap((name) =>
    NO_NUMBERS.map(([what, text]) => ({
      name: `${name} that is ${what} is refused`,
      messages: [refused(withHeader(small(), name, text), "malformed")],
    }))
  ),
  {
    name: "leading zeros are digits",
    messages: [
      complete(
        withHeader(
          withHeader(withHeader(small(), "X-Chunk-Index", "00"), "X-Chunk-Count", "01"),
          "X-Total-Size",
          "0005",
        ),
        SMALL,
      ),
    ],
  },
  {
    name: "a count of 0 is refused",
    messages: [refused(withHeader(small(), "X-Chunk-Count", "0"), "malformed")],
  },
  ...["1", "2", "9007199254740991"].map((index): Vector => ({
    name: `index ${index} of 1 chunk is refused`,
    messages: [refused(withHeader(small(), "X-Chunk-Index", index), "malformed")],
  })),
  ...["6", "9007199254740991"].map((count): Vector => ({
    name: `${count} chunks of 5 bytes are refused`,
    messages: [refused(withHeader(small(), "X-Chunk-Count", count), "malformed")],
  })),
  {
    name: "as many chunks as bytes are taken",
    messages: wholeUpload({ ...SMALL, size: 3, chunkSize: 1 }),
  },
];

/** What stands before the chunk that is refused harms nothing, and neither does what is refused. */
const harmless: Vector = {
  name: "a malformed chunk leaves its upload as it was",
  messages: NO_NUMBERS.slice(0, 6).flatMap(([, text]): VectorMessage[] => [
    refused(withHeader(chunkOf(UPLOAD, 1), "X-Chunk-Index", text), "malformed"),
  ]).concat(wholeUpload(UPLOAD)),
};

/** The vectors of this file. */
export const headerVectors: Vector[] = [
  ...ids,
  ...types,
  ...names,
  ...repeats,
  ...numbers,
  harmless,
];
