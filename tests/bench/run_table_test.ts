import { test } from "node:test";
import { assertEquals, assertRejects } from "@std/assert";
import type { BenchTable, Contender, Measurement } from "../../bench/bench_table.ts";
import { runTable } from "../../bench/run_table.ts";

const WHERE = { runtime: "deno", url: "nats://127.0.0.1:1", size: 1_000_000 } as const;

/** A contender that takes these times, first that of the warm-up, and writes down when it was its turn. */
function contender(
  name: string,
  times: number[],
  log: string[] = [],
  more: Partial<Measurement> = {},
): Contender {
  return {
    name,
    run({ size }) {
      log.push(name);
      const ms = times.shift()!;
      const processes = [{ name: "sender", peak: size + ms, payload: size, cpuMs: ms }];
      const whole = { sent: 4, arrived: 4, whole: true };
      return Promise.resolve({ bytes: size, ms, processes, ...whole, ...more });
    },
  };
}

function table(contenders: Contender[], ratios: BenchTable["ratios"] = []): BenchTable {
  return { name: "test", title: "a test", contenders, ratios };
}

test("runTable() interleaves the contenders, and leaves the first round out of the figures", async () => {
  const log: string[] = [];
  const a = contender("a", [1_000, 10, 20, 40], log);
  const b = contender("b", [1_000, 20, 10, 20], log);
  const result = await runTable(table([a, b]), { ...WHERE, rounds: 3 });
  assertEquals(log.join(" "), "a b a b b a a b");
  assertEquals(result.contenders.map(({ rates }) => rates), [[100, 50, 25], [50, 100, 50]]);
  assertEquals(result.contenders[0]!.rate, { median: 50, min: 25, max: 100 });
});

test("runTable() takes ratios round by round, not of the medians", async () => {
  const a = contender("a", [1, 10, 100, 10]);
  const b = contender("b", [1, 20, 10, 20]);
  const ratios = [{ of: "a", to: "b", wanted: 0.9 }];
  const result = await runTable(table([a, b], ratios), { ...WHERE, rounds: 3 });
  assertEquals(result.ratios[0], {
    ...ratios[0]!,
    ratios: [2, 0.1, 2],
    ratio: { median: 2, min: 0.1, max: 2 },
  });
});

test("runTable() keeps the highest peak of each process, and the median of its processor time", async () => {
  const { contenders } = await runTable(table([contender("a", [9_999, 5, 70, 6])]), {
    ...WHERE,
    rounds: 3,
  });
  const process = { name: "sender", peak: 1_000_070, payload: 1_000_000, cpuMs: 6 };
  assertEquals(contenders[0]!.processes, [process]);
});

test("runTable() judges memory by the highest peak of all rounds, without the payload", async () => {
  const limit = { of: "a", process: "sender", wantedBeyondPayload: 60 };
  const bounded = { ...table([contender("a", [9_999, 5, 70, 6])]), memory: [limit] };
  const { memory } = await runTable(bounded, { ...WHERE, rounds: 3 });
  assertEquals(memory, [{ ...limit, beyondPayload: 70 }]);
});

test("runTable() reports a contender that lost something as failed, and leaves its speed out", async () => {
  const lossy = contender("lossy", [1, 1, 1], [], { arrived: 3, whole: false });
  const { contenders } = await runTable(table([lossy]), { ...WHERE, rounds: 2 });
  const { rates, rate, wholeRounds, lost, ok } = contenders[0]!;
  assertEquals({ rates, rate, wholeRounds, lost, ok }, {
    rates: [null, null],
    rate: undefined,
    wholeRounds: 0,
    lost: 0.25,
    ok: false,
  });
});

test("runTable() lets those lose that are there to show it, and says how much", async () => {
  const lossy = contender("lossy", [1, 10, 10], [], { arrived: 1, whole: false });
  const { contenders } = await runTable(table([{ ...lossy, mayLose: true }]), {
    ...WHERE,
    rounds: 2,
  });
  const { rates, lost, ok } = contenders[0]!;
  assertEquals({ rates, lost, ok }, { rates: [100, 100], lost: 0.75, ok: true });
});

test("runTable() goes on after a run that throws, and tells its message once", async () => {
  let runs = 0;
  const good = contender("good", [1, 10, 10, 10]);
  const bad: Contender = {
    name: "bad",
    run: (round) => {
      runs++;
      return runs === 2 ? good.run(round) : Promise.reject(new Error("it broke"));
    },
  };
  const ratios = [{ of: "bad", to: "good" }];
  const result = await runTable(table([bad, contender("good", [1, 20, 20, 20])], ratios), {
    ...WHERE,
    rounds: 3,
  });
  const { errors, rates, ok } = result.contenders[0]!;
  assertEquals([errors, rates.length, rates.filter((rate) => rate === null).length, ok], [
    ["it broke"],
    3,
    2,
    false,
  ]);
  assertEquals(result.ratios[0]!.ratios.length, 1);
});

test("runTable() rejects a ratio that names nobody", async () => {
  const wrong = table([contender("a", [1, 1])], [{ of: "a", to: "b" }]);
  const error = await assertRejects(() => runTable(wrong, { ...WHERE, rounds: 1 }), Error);
  assertEquals(error.message, 'table test has no contender "b"');
});

test("runTable() measures against a mark that several contenders set together", async () => {
  const contenders = [
    contender("a", [1, 10, 10]),
    contender("b", [1, 20, 5]),
    contender("c", [1, 10, 10]),
    contender("limit", [1, 40, 1]),
  ];
  const mark = { fastestOf: ["b", "c"], atMost: "limit" };
  const marked = table(contenders, [{ of: "a", to: "the mark", mark }]);
  const { ratios } = await runTable(marked, { ...WHERE, rounds: 2 });
  assertEquals(ratios[0]!.ratios, [4, 0.5]);
});
