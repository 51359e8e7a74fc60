/** Header blocks that no client writes, byte by byte as they come over the wire. */
import {
  type Chunk,
  chunkOf,
  complete,
  type Expectation,
  ignored,
  refused,
  SMALL,
  type Vector,
  type VectorMessage,
} from "../vector.ts";

const chunk: Chunk = chunkOf(SMALL, 0);

/** The header block of the chunk, each line written by `line`. */
function block(line: (name: string, value: string) => string): string {
  const lines = chunk.headers.map(([name, value]) => `${line(name, value)}\r\n`);
  return `NATS/1.0\r\n${lines.join("")}\r\n`;
}

function rawly(message: VectorMessage, raw: string, otherwise?: Expectation[]): VectorMessage {
  const { headers: _headers, ...rest } = message;
  return { ...rest, raw, ...(otherwise && { otherwise }) };
}

const whole = complete(chunk, SMALL);
const malformed = refused(chunk, "malformed", null);
const plain = (name: string, value: string): string => `${name}: ${value}`;
const INDEX = "X-Chunk-Index";

/** The plain block, but for the line of the index. */
const indexLine = (line: string): string =>
  block((name, value) => name === INDEX ? line : plain(name, value));

/** The vectors of this file. */
export const wireVectors: Vector[] = [
  { name: "the usual header block", messages: [rawly(whole, block(plain))] },
  {
    name: "no blank after the colon",
    messages: [rawly(whole, block((name, value) => `${name}:${value}`))],
  },
  {
    name: "several blanks and tabs around values are lost",
    messages: [
      rawly(whole, block((name, value) => `${name}: \t ${value} \t`), [
        // Where a client keeps them: a payload type with blanks is another one.
        { result: "ignored" },
        malformed.expect,
      ]),
    ],
  },
  {
    name: "a number with outer blanks is what its client makes of it",
    messages: [
      rawly(whole, indexLine(`${INDEX}:  0 `), [refused(chunk, "malformed").expect]),
    ],
  },
  {
    name: "a value that is blank counts as empty",
    messages: [rawly(refused(chunk, "malformed"), indexLine(`${INDEX}:   `))],
  },
  {
    name: "a header block without headers is ignored",
    messages: [rawly(ignored(chunk), "NATS/1.0\r\n\r\n")],
  },
  {
    name: "lines in another order",
    messages: [
      rawly(
        whole,
        `NATS/1.0\r\n${
          chunk.headers.toReversed().map(([name, value]) => `${name}: ${value}\r\n`).join("")
        }\r\n`,
      ),
    ],
  },
  {
    name: "a line without a colon is no header",
    messages: [
      rawly(whole, block(plain).replace("\r\n", "\r\nno header at all\r\n"), [
        { result: "ignored" },
        malformed.expect,
      ]),
    ],
  },
  {
    name: "an index without a colon is missing",
    messages: [
      rawly(refused(chunk, "malformed"), indexLine(`${INDEX} 0`), [
        { result: "ignored" },
        malformed.expect,
      ]),
    ],
  },
  {
    name: "a blank in a header name spoils the block, or that header",
    messages: [
      rawly(malformed, indexLine(`${INDEX} : 0`), [
        { result: "ignored" },
        refused(chunk, "malformed").expect,
        whole.expect,
      ]),
    ],
  },
  {
    name: "a value with a colon",
    messages: [
      rawly(
        complete(chunk, SMALL, { filename: "a:b", contentType: "text/plain; a=b:c" }),
        block(plain).replace(
          "\r\n\r\n",
          "\r\nX-Filename: a:b\r\nX-Content-Type: text/plain; a=b:c\r\n\r\n",
        ),
      ),
    ],
  },
  {
    name: "a filename in UTF-8",
    messages: [
      rawly(
        complete(chunk, SMALL, { filename: "ä" }),
        block(plain).replace("\r\n\r\n", "\r\nX-Filename: \u00c3\u00a4\r\n\r\n"),
      ),
    ],
  },
  {
    name: "headers of the server between those of the chunk",
    messages: [
      rawly(
        whole,
        block(plain).replace("\r\n", "\r\nNats-Msg-Id: a:0\r\n") // none of the sender's own
          .replace("\r\n\r\n", "\r\nNats-Expected-Stream: B\r\n\r\n"),
      ),
    ],
  },
];
