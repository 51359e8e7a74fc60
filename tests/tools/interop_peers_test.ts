import process from "node:process";
import { test } from "node:test";
import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { makePayload, sha256 } from "../../tools/interop/payload.ts";
import { peerArguments, startLanguagePeer } from "../../tools/interop/peers.ts";
import { parseSelection } from "../../tools/interop/selection.ts";

test("peerArguments() writes options as the peers read them", () => {
  assertEquals(
    peerArguments("send", {
      url: "nats://127.0.0.1:1",
      chunkSize: 5,
      size: 0,
      twice: true,
      backwards: false,
      stream: undefined,
      filename: "a=b c",
    }),
    [
      "send",
      "--url=nats://127.0.0.1:1",
      "--chunk-size=5",
      "--size=0",
      "--twice",
      "--filename=a=b c",
    ],
  );
});

test("makePayload() makes the bytes that the peers make", () => {
  // Worked out by each of the peers.
  assertEquals(
    sha256(makePayload(20_000_001, 7)),
    "361b982fc24b7086db92172404e2026548fe799bcbcc0848af5571fe84f737d2",
  );
  assertEquals(makePayload(0, 1).length, 0);
  assertEquals(
    makePayload(70_000, 1).subarray(65_536, 65_544),
    new Uint8Array([0, 0, 0, 0, 0, 0, 0, 1]),
  );
});

test("startLanguagePeer() hands out lines, and says how the program ended", async () => {
  const script =
    'console.log(JSON.stringify({ a: 1 })); console.error("no such stream"); process.exit(3)';
  const command = { command: process.execPath, args: evaluate(script) };
  await using peer = startLanguagePeer(command, ["receive"]);
  assertEquals(await peer.next(), { a: 1 });
  const error = await assertRejects(() => peer.next(), Error);
  assertEquals(error.message, "receive: ended with code 3\nno such stream");
});

test("startLanguagePeer() reports a program that is not there", async () => {
  await using peer = startLanguagePeer({ command: "natskit-no-such-program", args: [] }, ["send"]);
  const error = await assertRejects(() => peer.next(), Error);
  assertStringIncludes(error.message, "could not be started");
});

test("startLanguagePeer() ends a program that goes on when it is disposed of", async () => {
  const script = "console.log(JSON.stringify({ pid: process.pid })); setInterval(() => {}, 1000)";
  let pid: unknown;
  {
    await using peer = startLanguagePeer({ command: process.execPath, args: evaluate(script) }, []);
    pid = (await peer.next())["pid"];
  }
  assertThrows(() => process.kill(pid as number, 0));
});

/** The arguments with which this runtime runs a line of code; more may follow. */
function evaluate(code: string): string[] {
  return process.versions["deno"] === undefined ? ["-e", code, "--"] : ["eval", code];
}

test("parseSelection() takes everything by default, and what is named", () => {
  assertEquals(parseSelection([]), {
    languages: ["go", "rust", "python"],
    runtimes: ["deno", "node", "bun"],
  });
  assertEquals(parseSelection(["--only=rust,go", "--runtime=bun"]), {
    languages: ["rust", "go"],
    runtimes: ["bun"],
  });
});

test("parseSelection() refuses what it does not know, by name", () => {
  for (
    const [arg, words] of [
      ["--only=java", '--only names "java": want some of go,rust,python'],
      ["--runtime=", '--runtime names "": want some of deno,node,bun'],
      ["--quick", 'unknown argument "--quick"'],
      ["go", 'unknown argument "go"'],
    ] as const
  ) {
    assertStringIncludes(assertThrows(() => parseSelection([arg]), TypeError).message, words);
  }
});
