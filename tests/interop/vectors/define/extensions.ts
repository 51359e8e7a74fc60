/** PROTOCOL 4: digests, asks and credit. */
import {
  accepted,
  type BodySpec,
  type Chunk,
  chunkOf,
  complete,
  digestOf,
  duplicate,
  type HeaderLine,
  ignored,
  refused,
  SMALL,
  UPLOAD,
  type UploadSpec,
  type Vector,
  type VectorMessage,
  withHeader,
} from "../vector.ts";

const DIGEST = "X-Payload-Digest";
const RIGHT = digestOf(UPLOAD.size, UPLOAD.seed);
const WRONG = digestOf(UPLOAD.size, 9);
const [zero, one, two] = [0, 1, 2].map((index) => chunkOf(UPLOAD, index)) as [Chunk, Chunk, Chunk];
const withDigest = (chunk: Chunk, digest: string): Chunk => withHeader(chunk, DIGEST, digest);
const corrupt = (chunk: Chunk): VectorMessage => refused(chunk, "digest", UPLOAD.id, "upload");

const HEX = Array.from(
  atob(RIGHT.slice("SHA-256=".length).replaceAll("-", "+").replaceAll("_", "/")),
  (character) => character.charCodeAt(0).toString(16).padStart(2, "0"),
).join("");

const NO_DIGESTS: [string, string][] = [
  ["of another kind", "MD5=1B2M2Y8AsgTpgAmY7PhCfg=="],
  ["without its kind", RIGHT.slice("SHA-256=".length)],
  ["with its kind in lower case", RIGHT.replace("SHA", "sha")],
  ["without padding", RIGHT.slice(0, -1)],
  ["that is short", "SHA-256=AAAA"],
  ["in hexadecimal", `SHA-256=${HEX}`],
  ["in another base64", "SHA-256=" + "+/".repeat(21) + "A="],
];

const digests: Vector[] = [
  {
    name: "a digest on the last chunk is verified",
    messages: [
      accepted(zero, UPLOAD, 0),
      accepted(one, UPLOAD, 1),
      complete(withDigest(two, RIGHT), UPLOAD),
    ],
  },
  {
    name: "a digest on every chunk is verified",
    messages: [
      accepted(withDigest(zero, RIGHT), UPLOAD, 0),
      accepted(withDigest(one, RIGHT), UPLOAD, 1),
      complete(withDigest(two, RIGHT), UPLOAD),
    ],
  },
  {
    name: "a digest that comes first is kept until the end",
    messages: [
      accepted(withDigest(two, RIGHT), UPLOAD, 2),
      accepted(one, UPLOAD, 1),
      complete(zero, UPLOAD),
    ],
  },
  {
    name: "the digest of an empty payload is verified",
    messages: [
      complete(withDigest(chunkOf({ ...SMALL, size: 0 }, 0), digestOf(0)), { ...SMALL, size: 0 }),
    ],
  },
  {
    name: "a wrong digest on the last chunk refuses the upload",
    messages: [
      accepted(zero, UPLOAD, 0),
      accepted(one, UPLOAD, 1),
      corrupt(withDigest(two, WRONG)),
      refused(one, "rejected"),
    ],
  },
  {
    name: "a wrong digest on the first chunk refuses the upload at its end",
    messages: [
      accepted(withDigest(zero, WRONG), UPLOAD, 0),
      accepted(one, UPLOAD, 1),
      corrupt(two),
    ],
  },
  {
    name: "bytes that are not those of the digest refuse the upload",
    messages: [
      accepted(zero, UPLOAD, 0),
      accepted({ ...one, body: { ...one.body, seed: 9 } }, UPLOAD, 1),
      corrupt(withDigest(two, RIGHT)),
    ],
  },
  {
    name: "a chunk with another digest than the first is refused",
    messages: [
      accepted(withDigest(zero, RIGHT), UPLOAD, 0),
      refused(withDigest(one, WRONG), "conflict"),
      accepted(withDigest(one, RIGHT), UPLOAD, 1),
      complete(two, UPLOAD),
    ],
  },
  ...NO_DIGESTS.map(([what, digest]) => ({
    name: `a digest ${what} is refused`,
    messages: [
      accepted(zero, UPLOAD, 0),
      refused(withDigest(one, digest), "malformed"),
      accepted(one, UPLOAD, 1),
      complete(two, UPLOAD),
    ],
  })),
];

const NO_BODY: BodySpec = { length: 0, from: 0, seed: 0 };

/** The ask of an upload. */
function ask(upload: UploadSpec, number: string | undefined): Chunk {
  const chunk = withHeader(chunkOf(upload, 0), "X-Payload-Type", "chunked-ask");
  const asking = withHeader(withHeader(chunk, "X-Chunk-Credit", "1"), "X-Chunk-Ask", number);
  return { ...asking, body: NO_BODY };
}

const credited = (chunk: Chunk): Chunk => withHeader(chunk, "X-Chunk-Credit", "1");
const from = (message: VectorMessage, reply: string): VectorMessage => ({ ...message, reply });

/** A credit; the window and the receiver's id are the receiver's to choose. */
function credit(number: number, next: number, status: string): HeaderLine[] {
  return [
    ["X-Chunked-Upload-Id", UPLOAD.id],
    ["X-Chunk-Receiver", "*"],
    ["X-Chunk-Ask", String(number)],
    ["X-Chunk-Next", String(next)],
    ["X-Chunk-Window", "*"],
    ["X-Chunk-Status", status],
  ];
}

const asked = (number: number, answer: HeaderLine[]): VectorMessage => ({
  ...from(ignored(ask(UPLOAD, String(number))), "reply.one"),
  answer,
});

const REASON: HeaderLine = ["X-Chunk-Reason", "*"];

const asks: Vector[] = [
  {
    name: "an ask is answered with credit, and is no chunk",
    messages: [
      asked(1, credit(1, 0, "receiving")),
      from(accepted(credited(zero), UPLOAD, 0), "reply.one"),
      asked(2, credit(2, 1, "receiving")),
      from(accepted(credited(one), UPLOAD, 1), "reply.one"),
      {
        ...from(complete(credited(two), UPLOAD), "reply.one"),
        answer: credit(2, 3, "complete"),
      },
      asked(3, credit(3, 3, "complete")),
    ],
  },
  {
    name: "a gap is named in the credit",
    messages: [
      asked(1, credit(1, 0, "receiving")),
      from(accepted(credited(two), UPLOAD, 2), "reply.one"),
      asked(2, [...credit(2, 0, "receiving"), ["X-Chunk-Missing", "0-1"]]),
      from(accepted(credited(zero), UPLOAD, 0), "reply.one"),
      asked(3, [...credit(3, 1, "receiving"), ["X-Chunk-Missing", "1"]]),
    ],
  },
  {
    name: "a payload that nobody has settled is not complete",
    messages: [
      asked(1, credit(1, 0, "receiving")),
      from(accepted(credited(zero), UPLOAD, 0), "reply.one"),
      from(accepted(credited(one), UPLOAD, 1), "reply.one"),
      { ...from(complete(credited(two), UPLOAD), "reply.one"), then: "wait" },
      asked(2, credit(2, 3, "receiving")),
    ],
  },
  {
    name: "an ask for a rejected upload is answered so",
    messages: [
      asked(1, credit(1, 0, "receiving")),
      from(accepted(credited(zero), UPLOAD, 0), "reply.one"),
      from(accepted(credited(one), UPLOAD, 1), "reply.one"),
      {
        ...from(complete(credited(two), UPLOAD), "reply.one"),
        then: "nak",
        answer: [...credit(1, 0, "rejected"), REASON],
      },
      {
        ...from(refused(ask(UPLOAD, "2"), "rejected"), "reply.one"),
        answer: [...credit(2, 0, "rejected"), REASON],
      },
    ],
  },
  {
    name: "an ask about another upload under the same id is rejected",
    messages: [
      asked(1, credit(1, 0, "receiving")),
      from(accepted(credited(zero), UPLOAD, 0), "reply.one"),
      {
        ...from(
          refused(withHeader(ask(UPLOAD, "2"), "X-Total-Size", "2501"), "conflict"),
          "reply.one",
        ),
        answer: [...credit(2, 0, "rejected"), REASON],
      },
    ],
  },
  {
    name: "a second sender of an id is turned away, and its chunks are refused",
    messages: [
      asked(1, credit(1, 0, "receiving")),
      from(accepted(credited(zero), UPLOAD, 0), "reply.one"),
      {
        ...from(refused(ask(UPLOAD, "1"), "taken"), "reply.two"),
        answer: [...credit(1, 0, "rejected"), REASON],
      },
      from(refused(credited(one), "taken"), "reply.two"),
      refused(one, "taken"),
      from(accepted(credited(one), UPLOAD, 1), "reply.one"),
    ],
  },
  {
    name: "an ask without a reply subject is ignored",
    messages: [ignored(ask(UPLOAD, "1"))],
  },
  {
    name: "an ask whose sender does not wait for credit is ignored",
    messages: [
      from(ignored(withHeader(ask(UPLOAD, "1"), "X-Chunk-Credit", undefined)), "reply.one"),
    ],
  },
  ...["0", "-1", "one", "", undefined].map((number) => ({
    name: `an ask whose number is ${
      number === undefined ? "missing" : JSON.stringify(number)
    } is refused`,
    messages: [from(refused(ask(UPLOAD, number), "malformed"), "reply.one")],
  })),
  {
    name: "an ask about another chunk than the first is refused",
    messages: [
      from(refused(withHeader(ask(UPLOAD, "1"), "X-Chunk-Index", "1"), "malformed"), "reply.one"),
    ],
  },
  {
    name: "an ask with a body is refused",
    messages: [from(refused({ ...ask(UPLOAD, "1"), body: zero.body }, "malformed"), "reply.one")],
  },
  {
    name: "a version-1 sender is not answered, also where its chunks have a reply subject",
    messages: [
      { ...from(accepted(zero, UPLOAD, 0), "reply.one"), answer: [] },
      { ...from(duplicate(zero, UPLOAD, 0), "reply.one"), answer: [] },
      { ...from(accepted(one, UPLOAD, 1), "reply.one"), answer: [] },
      { ...from(complete(two, UPLOAD), "reply.one"), answer: [] },
    ],
  },
];

/** The vectors of this file. */
export const extensionVectors: Vector[] = [...digests, ...asks];
