import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { type AttackContext, ATTACKS, nextAttack } from "../../soak/attacks.ts";
import { createRandom } from "../../soak/random.ts";
import { createChunkAssembler } from "../../src/chunked/mod.ts";
import { coreMessage } from "../chunked/_support.ts";

function contextOf(more: Partial<AttackContext> = {}): AttackContext {
  return { random: createRandom(1), known: [], honest: [], stored: false, ...more };
}

/** What becomes of an attack's messages: the kind of result, or the reason of a refusal. */
function resultsOf(name: string, context: AttackContext = contextOf()): string[] {
  const assembler = createChunkAssembler({ maxUploadBytes: 1e12, maxBufferedBytes: 1e12 });
  try {
    return ATTACKS[name]!(context).map(({ headers, data, asks }) => {
      const record = Object.fromEntries([...headers].map(([key, values]) => [key, values.at(-1)!]));
      const result = assembler.push(
        coreMessage({ headers: record, data }, asks ? "_INBOX.a" : undefined),
      );
      return result.type === "rejected" ? result.event.reason : result.type;
    });
  } finally {
    assembler.close();
  }
}

test("every attack that is wrong in itself is refused for the reason that it is there to provoke", () => {
  assertEquals(resultsOf("exabyte"), ["malformed"]);
  assertEquals(resultsOf("petabytes"), ["too-large"]);
  assertEquals(resultsOf("four billion chunks"), ["too-large", "too-large"]);
  assertEquals(resultsOf("two sizes"), ["accepted", "conflict", "conflict"]);
  assertEquals(resultsOf("wrong length"), ["accepted", "length"]);
  assertEquals(resultsOf("wrong digest"), ["digest"]);
  assertEquals(resultsOf("malformed"), ["malformed"]);
  assertEquals(resultsOf("an ask with a body"), ["malformed"]);
});

test("every attack that is not wrong in itself is taken", () => {
  for (const name of ["never finishes", "without a ticket", "long headers"]) {
    const [result] = resultsOf(name);
    assert(result === "accepted" || result === "malformed", `${name}: ${result}`);
  }
  assertEquals(resultsOf("a small one"), ["complete"]);
  assertEquals(resultsOf("an ask"), ["ignored"]);
  assertEquals(resultsOf("an old id again", contextOf({ known: [crypto.randomUUID()] })), [
    "accepted",
  ]);
});

test("a foreign chunk disagrees with the honest ones where it goes into a stream", () => {
  const honest = [{ uploadId: crypto.randomUUID(), count: 4, size: 800 }];
  const sizes = (stored: boolean): string[] =>
    ATTACKS["foreign chunk"]!(contextOf({ honest, stored }))
      .map(({ headers }) => headers.last("X-Total-Size"));
  assertEquals(sizes(true), ["801"]);
  assertEquals(sizes(false), ["800", "800"]);
  assertEquals(ATTACKS["foreign chunk"]!(contextOf()), []);
});

test("nextAttack() uses every attack, and is the same by seed", () => {
  const count = (): number[] => {
    const context = contextOf({ honest: [{ uploadId: crypto.randomUUID(), count: 4, size: 800 }] });
    return Array.from({ length: 500 }, () => nextAttack(context).length);
  };
  assertEquals(count(), count());
  const context = contextOf();
  for (let n = 0; n < 3_000; n++) nextAttack(context);
  assertEquals(context.known.length, 1_000);
});
