/**
 * Results for people.
 *
 * @module
 */
import { formatTable } from "../tools/format_table.ts";
import type { ProcessResources } from "./bench_table.ts";
import type { ContenderResult, MemoryResult, RatioResult, TableResult } from "./run_table.ts";
import { memoryMet, ratioMet } from "./verdicts.ts";

/** Bytes as whole MB (1,000,000 bytes). */
function megabytes(bytes: number): string {
  return String(Math.round(bytes / 1e6));
}

/** The processor time of a process in seconds, its peak of memory, and how much of that is not the payload. */
function formatProcess(processes: readonly ProcessResources[], name: string): string[] {
  const found = processes.find((each) => each.name === name);
  if (!found) return ["", ""];
  const { cpuMs, peak, payload } = found;
  return [(cpuMs / 1_000).toFixed(2), `${megabytes(peak)} (+${megabytes(peak - payload)})`];
}

function formatArrival({ wholeRounds, rates, lost, errors }: ContenderResult): string {
  if (errors.length > 0) return `${errors.length} failed`;
  const whole = `${wholeRounds} of ${rates.length}`;
  return lost > 0 ? `${whole}, ${(lost * 100).toFixed(1)} % lost` : whole;
}

function formatRatio(result: RatioResult): string {
  const { of, to, ratio, wanted } = result;
  if (!ratio) return `${of} / ${to}: no round has both`;
  const [median, min, max] = [ratio.median, ratio.min, ratio.max].map((each) => each.toFixed(2));
  const met = ratioMet(result);
  const verdict = met === undefined ? "" : `; wanted at least ${wanted}: ${wordFor(met)}`;
  return `${of} / ${to}: ${median} (${min} to ${max})${verdict}`;
}

function formatMemory(result: MemoryResult): string {
  const { of, process, beyondPayload, wantedBeyondPayload } = result;
  if (beyondPayload === undefined) return `memory of ${of}, ${process}: no round worked`;
  return `memory of ${of}, ${process}: ${megabytes(beyondPayload)} MB beyond the payload; wanted ` +
    `at most ${megabytes(wantedBeyondPayload)} MB: ${wordFor(memoryMet(result))}`;
}

function wordFor(met: boolean): string {
  return met ? "met" : "missed";
}

/**
 * Writes a result as a table, with the ratios and the judged memory below it.
 *
 * @param result What was measured.
 * @returns Lines, without a line break at the end.
 */
export function formatResult(result: TableResult): string {
  const { table, title, runtime, size, rounds, contenders, ratios, memory } = result;
  const names = [
    ...new Set(contenders.flatMap((each) => each.processes.map(({ name }) => name))),
  ];
  const rows = contenders.map((each) => [
    each.name,
    each.rate ? each.rate.median.toFixed(0) : "-",
    each.rate ? `${each.rate.min.toFixed(0)} to ${each.rate.max.toFixed(0)}` : "-",
    formatArrival(each),
    ...names.flatMap((name) => formatProcess(each.processes, name)),
  ]);
  const head = [
    runtime,
    "MB/s",
    "spread",
    "rounds whole",
    ...names.flatMap((name) => [`${name}: CPU s`, "peak MB"]),
  ];
  return [
    `${table}: ${title}.`,
    `${megabytes(size)} MB, ${rounds} interleaved rounds, medians. Peak memory is the highest of ` +
    "all rounds, in brackets what is beyond the payload.",
    "",
    formatTable([head, ...rows]),
    "",
    ...ratios.map(formatRatio),
    ...memory.map(formatMemory),
    ...contenders.flatMap(({ name, errors }) => errors.map((error) => `${name}: ${error}`)),
  ].join("\n");
}
