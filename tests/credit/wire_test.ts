import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { headers as createHeaders, type MsgHdrs } from "@nats-io/nats-core";
import fc from "fast-check";
import {
  type Credit,
  creditHeaders,
  type IndexRange,
  parseCredit,
  toAsk,
} from "../../src/_credit/wire.ts";

const ID = "0b8a5c3e-7d1f-4a2b-9c4d-5e6f708192a3";

function credit(change: Partial<Credit> = {}): Credit {
  const base = { uploadId: ID, receiver: "r1", ask: 3, next: 7, missing: [], window: 9 };
  return { ...base, status: "receiving", ...change };
}

/** The headers of a good credit with some of them changed, or taken away. */
function changed(change: Record<string, string | undefined>): MsgHdrs {
  const headers = creditHeaders(credit());
  for (const [name, value] of Object.entries(change)) {
    if (value === undefined) headers.delete(name);
    else headers.set(name, value);
  }
  return headers;
}

/** Ascending ranges with room between them. */
const ranges: fc.Arbitrary<IndexRange[]> = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 0, max: 50 })), {
    maxLength: 64,
  })
  .map((steps) => {
    let at = -1;
    return steps.map(([gap, length]): IndexRange => {
      const first = at + gap + 1;
      at = first + length;
      return [first, at];
    });
  });

test("parseCredit() reads what creditHeaders() writes", () => {
  fc.assert(
    fc.property(
      fc.record({
        uploadId: fc.uuid(),
        receiver: fc.uuid(),
        ask: fc.nat(),
        next: fc.maxSafeNat(),
        missing: ranges,
        window: fc.maxSafeNat(),
        status: fc.constantFrom("receiving" as const, "complete" as const, "rejected" as const),
      }, { noNullPrototype: true }),
      (written) => assertEquals(parseCredit(creditHeaders(written)), written),
    ),
  );
});

test("creditHeaders() writes the names and forms of PROTOCOL 4", () => {
  const written = credit({ missing: [[5, 5], [9, 12]], status: "rejected", reason: "taken" });
  const headers = creditHeaders(written);
  const all = Object.fromEntries([...headers].map(([name, [value]]) => [name, value]));
  assertEquals(all, {
    "X-Chunked-Upload-Id": ID,
    "X-Chunk-Receiver": "r1",
    "X-Chunk-Ask": "3",
    "X-Chunk-Next": "7",
    "X-Chunk-Missing": "5,9-12",
    "X-Chunk-Window": "9",
    "X-Chunk-Status": "rejected",
    "X-Chunk-Reason": "taken",
  });
  assertEquals(creditHeaders(credit()).has("X-Chunk-Missing"), false);
  assertEquals(creditHeaders(credit()).has("X-Chunk-Reason"), false);
});

test("creditHeaders() lists the first 64 gaps of more", () => {
  const missing = Array.from({ length: 100 }, (_, i): IndexRange => [i * 2, i * 2]);
  const read = parseCredit(creditHeaders(credit({ missing })));
  assertEquals(read?.missing, missing.slice(0, 64));
});

test("creditHeaders() puts no control character into the reason", () => {
  const reason = "line one\r\nX-Chunk-Status: complete\0\u0085end";
  const headers = creditHeaders(credit({ status: "rejected", reason }));
  assertEquals(headers.get("X-Chunk-Reason"), "line one X-Chunk-Status: complete end");
  assertEquals(parseCredit(headers)?.status, "rejected");
});

test("parseCredit() refuses what is no credit", () => {
  assertEquals(parseCredit(undefined), undefined);
  assertEquals(parseCredit(createHeaders()), undefined);
  for (
    const [name, values] of Object.entries({
      "X-Chunked-Upload-Id": [undefined, "", "no uuid"],
      "X-Chunk-Receiver": [undefined, ""],
      "X-Chunk-Ask": [undefined, "", "-1", "1e3", "9007199254740992"],
      "X-Chunk-Next": [undefined, "", "+1", "0x10", "1.5"],
      "X-Chunk-Missing": [
        "x",
        "1,",
        ",1",
        "2-1",
        "1-2-3",
        "3,3",
        "5,4",
        "1-5,5",
        "-3",
        "1--2",
        "1 2",
      ],
      "X-Chunk-Window": [undefined, "", "all"],
      "X-Chunk-Status": [undefined, "", "done", "Complete"],
    })
  ) {
    for (const value of values) {
      assertEquals(parseCredit(changed({ [name]: value })), undefined, `${name}: ${value}`);
    }
  }
  const many = Array.from({ length: 65 }, (_, i) => i * 2).join();
  assertEquals(parseCredit(changed({ "X-Chunk-Missing": many })), undefined);
});

test("parseCredit() reads the upload's id in every spelling, and the last value of a repeated header", () => {
  const headers = changed({ "X-Chunked-Upload-Id": `{${ID.toUpperCase()}}` });
  headers.append("X-Chunk-Window", "11");
  assertEquals(parseCredit(headers), credit({ window: 11 }));
});

test("toAsk() turns chunk 0's headers into those of an ask", () => {
  const headers = createHeaders();
  headers.set("X-Payload-Type", "chunked-upload");
  headers.set("X-Chunk-Index", "0");
  const ask = toAsk(headers, 4);
  assertEquals(ask.values("X-Payload-Type"), ["chunked-ask"]);
  assertEquals(ask.values("X-Chunk-Ask"), ["4"]);
  assertEquals(ask.values("X-Chunk-Index"), ["0"]);
});
