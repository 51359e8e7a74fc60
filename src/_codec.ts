/**
 * How values become bytes and come back.
 *
 * @module
 */
import { DecodeError } from "./errors.ts";

/** A way of one's own to turn values into bytes and back. */
export interface Codec<T> {
  /** The bytes that stand for `value`. Throws if it has none. */
  encode(value: T): Uint8Array;
  /** The value that `bytes` stand for. Throws if they stand for none. */
  decode(bytes: Uint8Array): T;
}

/**
 * A codec that natskit brings along: `"json"` (any value with a JSON form), `"text"` (a string as UTF-8) or `"bytes"`
 * (a `Uint8Array` as it is).
 */
export type CodecName = "json" | "text" | "bytes";

/** A codec with the name that error messages use. */
export interface NamedCodec<T> extends Codec<T> {
  /** Such as `json`. */
  readonly name: string;
}

// Fatal, because a replaced character is lost data; and a byte order mark in a text is part of the text.
const TEXT = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
// RFC 8259: a parser may ignore a byte order mark in front of the value.
const JSON_TEXT = new TextDecoder("utf-8", { fatal: true });

const json: NamedCodec<unknown> = {
  name: "json",
  encode: (value) => {
    const text: string | undefined = JSON.stringify(value);
    if (text === undefined) {
      throw new TypeError(
        `a value of type ${typeof value} has no JSON form; wanted is any value that has one`,
      );
    }
    return new TextEncoder().encode(text);
  },
  decode: (bytes) => JSON.parse(JSON_TEXT.decode(bytes)),
};

const text: NamedCodec<string> = {
  name: "text",
  encode: (value) => {
    if (typeof value !== "string") {
      throw new TypeError(`codec "text" takes strings, not a value of type ${typeof value}`);
    }
    if (/\p{Surrogate}/u.test(value)) {
      throw new TypeError('codec "text": the string has a lone surrogate, which UTF-8 cannot hold');
    }
    return new TextEncoder().encode(value);
  },
  decode: (bytes) => TEXT.decode(bytes),
};

const bytes: NamedCodec<Uint8Array> = {
  name: "bytes",
  encode: (value) => {
    if (!(value instanceof Uint8Array)) {
      throw new TypeError(`codec "bytes" takes a Uint8Array, not a value of type ${typeof value}`);
    }
    // A copy: the connection sends it later, and its owner may go on working with it.
    return new Uint8Array(value);
  },
  // A copy, and never a Buffer: what was received may be a view into a much larger one.
  decode: (value) => new Uint8Array(value),
};

const BUILT_IN: Record<CodecName, NamedCodec<unknown>> = {
  json,
  text: text as NamedCodec<unknown>,
  bytes: bytes as NamedCodec<unknown>,
};

/**
 * The codec that an option asks for.
 *
 * @throws {TypeError} It is neither the name of one nor one.
 */
export function resolveCodec<T>(codec: CodecName | Codec<T> = "json"): NamedCodec<T> {
  if (typeof codec === "string" && Object.hasOwn(BUILT_IN, codec)) {
    return BUILT_IN[codec] as NamedCodec<T>;
  }
  if (
    typeof codec === "object" && typeof codec?.encode === "function" &&
    typeof codec.decode === "function"
  ) {
    return {
      name: "the codec given",
      encode: (value) => codec.encode(value),
      decode: (bytes) => codec.decode(bytes),
    };
  }
  throw new TypeError(
    `codec is ${JSON.stringify(codec)}, wanted is "json", "text", "bytes" or { encode, decode }`,
  );
}

/**
 * The value that `bytes` stand for.
 *
 * @param subject What is decoded, for the message, such as `key "a" of key-value bucket "b"`.
 * @throws {DecodeError} They stand for none; its `cause` is what the codec threw.
 */
export function decodeValue<T>(codec: NamedCodec<T>, bytes: Uint8Array, subject: string): T {
  try {
    return codec.decode(bytes);
  } catch (cause) {
    throw new DecodeError(subject, codec.name, { cause });
  }
}
