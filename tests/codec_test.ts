import { Buffer } from "node:buffer";
import { test } from "node:test";
import { assertEquals, assertInstanceOf, assertNotEquals, assertThrows } from "@std/assert";
import { type Codec, type CodecName, decodeValue, resolveCodec } from "../src/_codec.ts";
import { DecodeError } from "../src/errors.ts";

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

test("resolveCodec() is JSON when nothing is asked for", () => {
  const codec = resolveCodec<unknown>(undefined);
  assertEquals(codec.name, "json");
  assertEquals(codec.encode({ a: [1, null, "ü"] }), utf8('{"a":[1,null,"ü"]}'));
  assertEquals(codec.decode(utf8('{"a":[1,null,"ü"]}')), { a: [1, null, "ü"] });
});

test("resolveCodec() json keeps lone surrogates, null and the empty string", () => {
  const codec = resolveCodec<unknown>("json");
  for (const value of ["\ud800", null, "", 0, false, [], {}]) {
    assertEquals(codec.decode(codec.encode(value)), value);
  }
});

test("resolveCodec() json refuses what has no JSON form", () => {
  const codec = resolveCodec<unknown>("json");
  for (const value of [undefined, () => 1, Symbol("s")]) {
    assertThrows(() => codec.encode(value), TypeError, "has no JSON form");
  }
  assertThrows(() => codec.encode(1n), TypeError);
});

test("resolveCodec() json takes a byte order mark in front of the value", () => {
  assertEquals(resolveCodec<unknown>("json").decode(utf8("\ufeff[1]")), [1]);
});

test("resolveCodec() text keeps a byte order mark and every character", () => {
  const codec = resolveCodec<string>("text");
  for (const value of ["", "\ufeffx", "ü €", "😀", "a\u0000b", "\r\n"]) {
    assertEquals(codec.encode(value), utf8(value));
    assertEquals(codec.decode(codec.encode(value)), value);
  }
});

test("resolveCodec() text refuses what UTF-8 cannot hold, and what is no string", () => {
  const codec = resolveCodec<string>("text");
  assertThrows(() => codec.encode("a\ud800b"), TypeError, "lone surrogate");
  assertThrows(() => codec.encode(1 as unknown as string), TypeError, "takes strings");
});

test("resolveCodec() bytes gives copies both ways", () => {
  const codec = resolveCodec<Uint8Array>("bytes");
  const value = Uint8Array.of(0, 255, 7);
  const encoded = codec.encode(value);
  const decoded = codec.decode(encoded);
  assertEquals(decoded, value);
  value[0] = 9;
  encoded[1] = 9;
  assertEquals(decoded, Uint8Array.of(0, 255, 7));
  assertThrows(() => codec.encode([1] as unknown as Uint8Array), TypeError, "takes a Uint8Array");
});

test("resolveCodec() bytes gives a plain Uint8Array of its own when a Buffer goes in", () => {
  const codec = resolveCodec<Uint8Array>("bytes");
  const buffer = Buffer.from([1, 2, 3]);
  const copies = [codec.encode(buffer), codec.decode(buffer)];
  buffer[0] = 9;
  for (const copy of copies) assertEquals(copy, Uint8Array.of(1, 2, 3));
});

test("resolveCodec() calls the methods of a codec of one's own on it", () => {
  class Shift implements Codec<number> {
    readonly by = 3;
    encode(value: number): Uint8Array {
      return Uint8Array.of(value + this.by);
    }
    decode(bytes: Uint8Array): number {
      return bytes[0]! - this.by;
    }
  }
  const codec = resolveCodec(new Shift());
  assertEquals(codec.encode(4), Uint8Array.of(7));
  assertEquals(codec.decode(Uint8Array.of(7)), 4);
});

test("resolveCodec() refuses what is no codec, by what it is", () => {
  for (const codec of ["msgpack", "toString", "", null, 1, {}, { encode: utf8 }]) {
    assertThrows(
      () => resolveCodec(codec as CodecName),
      TypeError,
      '"json", "text", "bytes" or { encode, decode }',
    );
  }
});

test("decodeValue() names what did not decode and keeps the cause", () => {
  const bad: [CodecName, Uint8Array][] = [
    ["json", utf8("{")],
    ["json", utf8("")],
    ["json", Uint8Array.of(0x22, 0xff, 0x22)],
    ["text", Uint8Array.of(0xc3)],
  ];
  for (const [name, bytes] of bad) {
    const error = assertThrows(
      () => decodeValue(resolveCodec<unknown>(name), bytes, 'key "a" of key-value bucket "b"'),
      DecodeError,
      `key "a" of key-value bucket "b" does not decode as ${name}`,
    );
    assertEquals(error.subject, 'key "a" of key-value bucket "b"');
    assertInstanceOf(error.cause, Error);
    assertNotEquals(error.cause.message, "");
  }
});
