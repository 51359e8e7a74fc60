import { test } from "node:test";
import { assertEquals, assertStringIncludes } from "@std/assert";
import { formatResult } from "../../bench/report.ts";
import type { TableResult } from "../../bench/run_table.ts";
import { allMet } from "../../bench/verdicts.ts";

const RESULT: TableResult = {
  table: "core",
  title: "chunks",
  runtime: "node",
  size: 1e9,
  rounds: 2,
  contenders: [
    {
      name: "natskit",
      rates: [400, 420],
      rate: { median: 410, min: 400, max: 420 },
      processes: [{ name: "sender", peak: 1_150e6, payload: 1e9, cpuMs: 1_234 }],
      wholeRounds: 2,
      lost: 0,
      errors: [],
      ok: true,
    },
    {
      name: "obvious",
      rates: [null, null],
      rate: undefined,
      processes: [],
      wholeRounds: 0,
      lost: 0.254,
      errors: ["it broke"],
      ok: false,
    },
  ],
  ratios: [
    {
      of: "natskit",
      to: "loop",
      wanted: 0.9,
      ratios: [0.95, 0.89],
      ratio: { median: 0.92, min: 0.89, max: 0.95 },
    },
    { of: "natskit", to: "obvious", wanted: 0.9, ratios: [], ratio: undefined },
  ],
  memory: [
    { of: "natskit", process: "sender", wantedBeyondPayload: 150e6, beyondPayload: 150e6 },
    { of: "obvious", process: "sender", wantedBeyondPayload: 150e6, beyondPayload: undefined },
  ],
};

test("formatResult() shows medians, spread, memory beyond the payload, and what was missed", () => {
  const lines = formatResult(RESULT).split("\n").map((line) => line.replaceAll(/ {2,}/g, " | "));
  assertEquals(lines.slice(0, 2), [
    "core: chunks.",
    "1000 MB, 2 interleaved rounds, medians. Peak memory is the highest of all rounds, in brackets what is beyond the payload.",
  ]);
  assertStringIncludes(
    lines.join("\n"),
    "natskit | 410 | 400 to 420 | 2 of 2 | 1.23 | 1150 (+150)",
  );
  assertStringIncludes(lines.join("\n"), "obvious | - | - | 1 failed");
  assertStringIncludes(
    lines.join("\n"),
    "natskit / loop: 0.92 (0.89 to 0.95); wanted at least 0.9: met",
  );
  assertStringIncludes(lines.join("\n"), "natskit / obvious: no round has both");
  assertStringIncludes(
    lines.join("\n"),
    "memory of natskit, sender: 150 MB beyond the payload; wanted at most 150 MB: met",
  );
  assertStringIncludes(lines.join("\n"), "memory of obvious, sender: no round worked");
  assertEquals(lines.at(-1), "obvious: it broke");
});

test("formatResult() says how much was lost, and that a ratio or the memory was missed", () => {
  const [natskit, obvious] = RESULT.contenders;
  const [ratio] = RESULT.ratios;
  const text = formatResult({
    ...RESULT,
    contenders: [natskit!, { ...obvious!, errors: [] }],
    ratios: [{ ...ratio!, ratio: { median: 0.89, min: 0.8, max: 0.95 } }],
    memory: [{ ...RESULT.memory[0]!, beyondPayload: 151e6 }],
  });
  assertStringIncludes(text, "0 of 2, 25.4 % lost");
  assertStringIncludes(text, "wanted at least 0.9: missed");
  assertStringIncludes(text, "151 MB beyond the payload; wanted at most 150 MB: missed");
});

test("formatResult() shows a ratio for information without a verdict", () => {
  const { wanted: _, ...ratio } = RESULT.ratios[0]!;
  const text = formatResult({ ...RESULT, ratios: [ratio], memory: [] });
  assertEquals(text.split("\n").at(-2), "natskit / loop: 0.92 (0.89 to 0.95)");
});

test("allMet() fails for a ratio or a memory that misses what is wanted, or was not measured", () => {
  const [met, unmeasured] = RESULT.ratios;
  const { wanted: _, ...forInformation } = { ...met!, ratio: { median: 0.1, min: 0, max: 1 } };
  const [enough, unknown] = RESULT.memory;
  const good = { ...RESULT, ratios: [met!, forInformation], memory: [enough!] };
  assertEquals(allMet(good), true);
  assertEquals(allMet({ ...good, ratios: [{ ...forInformation, wanted: 0.9 }] }), false);
  assertEquals(allMet({ ...good, ratios: [unmeasured!] }), false);
  assertEquals(allMet({ ...good, memory: [{ ...enough!, beyondPayload: 151e6 }] }), false);
  assertEquals(allMet({ ...good, memory: [unknown!] }), false);
});
