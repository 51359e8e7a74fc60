/**
 * Runs a table: all contenders in turn, round after round.
 *
 * @module
 */
import type {
  BenchTable,
  Contender,
  Mark,
  Measurement,
  MemoryLimit,
  ProcessResources,
  Ratio,
  Round,
} from "./bench_table.ts";
import { marksByRound, ratiosByRound, rotated, summarize, type Summary } from "./statistics.ts";

/** What the rounds of one contender amounted to. */
export interface ContenderResult {
  /** Its name. */
  readonly name: string;
  /** MB (1,000,000 bytes) a second of each round; `null` where the round failed. */
  readonly rates: readonly (number | null)[];
  /** The rates together; `undefined` when no round worked. */
  readonly rate: Summary | undefined;
  /** Each process: its highest peak, and the median of its processor time. */
  readonly processes: readonly ProcessResources[];
  /** In how many rounds everything arrived. */
  readonly wholeRounds: number;
  /** The part of all messages that was lost. */
  readonly lost: number;
  /** What went wrong, once each. */
  readonly errors: readonly string[];
  /** Whether it did what it must: everything arrived in every round, unless it may lose. */
  readonly ok: boolean;
}

/** A comparison over all rounds. */
export interface RatioResult extends Ratio {
  /** The ratios of the rates, round by round. */
  readonly ratios: readonly number[];
  /** The ratios together; `undefined` when no round had both. */
  readonly ratio: Summary | undefined;
}

/** What a process needed beside the payload. */
export interface MemoryResult extends MemoryLimit {
  /** The highest of all rounds, in bytes; `undefined` when no round worked. */
  readonly beyondPayload: number | undefined;
}

/** What a table amounted to on one runtime. */
export interface TableResult {
  /** The table's name. */
  readonly table: string;
  /** What was measured. */
  readonly title: string;
  /** Where it ran. */
  readonly runtime: string;
  /** Bytes of each transfer. */
  readonly size: number;
  /** How many rounds were measured. */
  readonly rounds: number;
  /** One entry for each contender, in the table's order. */
  readonly contenders: readonly ContenderResult[];
  /** One entry for each ratio, in the table's order. */
  readonly ratios: readonly RatioResult[];
  /** One entry for each process whose memory is judged, in the table's order. */
  readonly memory: readonly MemoryResult[];
}

/** How a table is run. */
export interface RunTableOptions extends Round {
  /** How many rounds are measured. One more goes before them, and is left out. */
  readonly rounds: number;
  /** Told of every run, the ones that are left out included. */
  readonly onRun?: (contender: Contender, round: number, run: Run) => void;
}

/** A run that worked, or why it did not. */
export type Run = { readonly measured: Measurement } | { readonly error: string };

/** Bytes a second, in MB. */
function rateOf({ bytes, ms }: Measurement): number {
  return bytes / 1_000 / ms;
}

/**
 * Runs all contenders of a table in turn, round after round, first of all a round that does not count.
 *
 * @param table The table.
 * @param options Where, how much and how often.
 * @returns The figures. A run that fails is part of them and does not end the others.
 */
export async function runTable(table: BenchTable, options: RunTableOptions): Promise<TableResult> {
  const { runtime, url, size, rounds, onRun } = options;
  const runs = new Map<string, Run[]>(table.contenders.map(({ name }) => [name, []]));
  for (let round = -1; round < rounds; round++) {
    for (const contender of rotated(table.contenders, Math.max(0, round))) {
      const run = await runOnce(contender, { runtime, url, size });
      onRun?.(contender, round, run);
      if (round >= 0) runs.get(contender.name)!.push(run);
    }
  }
  const contenders = table.contenders.map((each) => resultOf(each, runs.get(each.name)!));
  const resultFor = (name: string): ContenderResult => {
    const found = contenders.find((each) => each.name === name);
    if (!found) throw new Error(`table ${table.name} has no contender ${JSON.stringify(name)}`);
    return found;
  };
  const ratesOf = (name: string): (number | undefined)[] =>
    resultFor(name).rates.map((rate) => rate ?? undefined);
  const marksOf = ({ fastestOf, atMost }: Mark): (number | undefined)[] =>
    marksByRound(fastestOf.map(ratesOf), atMost === undefined ? undefined : ratesOf(atMost));
  const ratios = table.ratios.map((each) => {
    const base = each.mark === undefined ? ratesOf(each.to) : marksOf(each.mark);
    const values = ratiosByRound(ratesOf(each.of), base);
    return { ...each, ratios: values, ratio: summarize(values) };
  });
  const memory = (table.memory ?? []).map((limit) => {
    const found = resultFor(limit.of).processes.find(({ name }) => name === limit.process);
    return { ...limit, beyondPayload: found && found.peak - found.payload };
  });
  const { name, title } = table;
  return { table: name, title, runtime, size, rounds, contenders, ratios, memory };
}

async function runOnce(contender: Contender, round: Round): Promise<Run> {
  try {
    return { measured: await contender.run(round) };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

function resultOf({ name, mayLose = false }: Contender, runs: readonly Run[]): ContenderResult {
  const measured = runs.flatMap((run) => "measured" in run ? [run.measured] : []);
  const errors = new Set(runs.flatMap((run) => "error" in run ? [run.error] : []));
  // What lost something has not done the work whose speed is compared.
  const counts = (run: Run): boolean => "measured" in run && (mayLose || run.measured.whole);
  const rates = runs.map((run) => counts(run) && "measured" in run ? rateOf(run.measured) : null);
  const sum = (of: (each: Measurement) => number): number =>
    measured.reduce((total, each) => total + of(each), 0);
  const sent = sum((each) => each.sent);
  const wholeRounds = measured.filter(({ whole }) => whole).length;
  return {
    name,
    rates,
    rate: summarize(rates.filter((rate) => rate !== null)),
    processes: together(measured),
    wholeRounds,
    lost: sent === 0 ? 0 : 1 - sum((each) => each.arrived) / sent,
    errors: [...errors],
    ok: errors.size === 0 && (mayLose || wholeRounds === runs.length),
  };
}

/** Each process over all runs. */
function together(runs: readonly Measurement[]): ProcessResources[] {
  const all = runs.flatMap(({ processes }) => processes);
  return [...new Set(all.map(({ name }) => name))].map((name) => {
    const own = all.filter((each) => each.name === name);
    const highest = own.reduce((a, b) => b.peak > a.peak ? b : a);
    return { ...highest, cpuMs: summarize(own.map(({ cpuMs }) => cpuMs))!.median };
  });
}
