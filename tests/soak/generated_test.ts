import { createHash } from "node:crypto";
import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { sha256 } from "../../bench/payload.ts";
import {
  generate,
  generatedDigest,
  generatedSource,
  generatedStream,
} from "../../soak/generated.ts";

async function bytesOf(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of stream) pieces.push(piece);
  return new Uint8Array(Buffer.concat(pieces));
}

test("generate() makes blocks that are all different, for as long as it matters", () => {
  const digests = Array.from({ length: 1_000 }, (_, number) => {
    const at = number * 10_000_019 * 65_536;
    return sha256(generate(at, at + 65_536));
  });
  assertEquals(new Set(digests).size, 1_000);
  assertEquals(generate(5, 5).length, 0);
});

test("generate() makes the same bytes whichever way it is cut", () => {
  const whole = generate(0, 400_000);
  for (const [start, end] of [[1, 2], [65_537, 65_539], [65_530, 131_075], [131_072, 400_000]]) {
    assertEquals(sha256(generate(start!, end!)), sha256(whole.subarray(start, end)));
  }
});

test("generatedStream() gives the payload, and its digest once it is read", async () => {
  const { stream, made } = generatedStream(600_001);
  assertEquals(made, { bytes: 0, digest: undefined });
  const bytes = await bytesOf(stream);
  assertEquals(sha256(bytes), sha256(generate(0, 600_001)));
  assertEquals(made, { bytes: 600_001, digest: generatedDigest(600_001) });
  assertEquals(made.digest, createHash("sha256").update(bytes).digest("hex"));
});

test("generatedSource() can be read from any place, and begin anywhere", async () => {
  const source = generatedSource(500_000, "name", 1_000);
  assertEquals([source.size, source.name], [500_000, "name"]);
  const part = await bytesOf(source.read(300_000, 450_000));
  assertEquals(sha256(part), sha256(generate(301_000, 451_000)));
  assertEquals((await bytesOf(source.read(5, 5))).length, 0);
});
