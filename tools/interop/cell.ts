/**
 * The cells of `deno task interop`: what is proven, where it stands in a table, and how it is run and counted.
 *
 * @module
 */
import type { Outcome } from "../checks/tally.ts";
import { formatTable } from "../format_table.ts";

/** One proof. */
export interface Cell {
  /** Who talks to whom, and how. */
  row: string;
  /** What is sent. */
  column: string;
  /** Proves it. What it throws is why it failed. */
  run(): Promise<void>;
}

/** Cells that are shown together. */
export interface CellTable {
  title: string;
  cells: readonly Cell[];
}

/** A cell that was run. */
interface Result {
  cell: Cell;
  ms: number;
  /** Why it failed. */
  failure?: string;
}

/** Longest run of a cell, in milliseconds. */
const CELL_TIMEOUT = 30_000;

async function runCell(cell: Cell): Promise<Result> {
  const startedAt = performance.now();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    const fail = (): void => reject(new Error(`not done after ${CELL_TIMEOUT / 1_000} s`));
    timer = setTimeout(fail, CELL_TIMEOUT);
  });
  try {
    await Promise.race([cell.run(), late]);
    return { cell, ms: performance.now() - startedAt };
  } catch (error) {
    const failure = error instanceof Error ? error.message : String(error);
    return { cell, ms: performance.now() - startedAt, failure };
  } finally {
    clearTimeout(timer);
  }
}

/** Runs the rows side by side, and the cells of one row one after the other, in the order of the table. */
async function runRows(cells: readonly Cell[], jobs: number): Promise<Result[]> {
  const rows = [...Map.groupBy(cells, ({ row }) => row).values()];
  const results = new Map<Cell, Result>();
  const work = async (): Promise<void> => {
    for (let row = rows.shift(); row !== undefined; row = rows.shift()) {
      for (const cell of row) results.set(cell, await runCell(cell));
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  return cells.map((cell) => results.get(cell)!);
}

/** Writes the results as a table, empty where a row has no such cell. */
export function formatResults(results: readonly Result[]): string {
  const columns = [...new Set(results.map(({ cell }) => cell.column))];
  const rows = [...Map.groupBy(results, ({ cell }) => cell.row)].map(([row, own]) => {
    const texts = columns.map((column) => {
      const result = own.find(({ cell }) => cell.column === column);
      if (!result) return "";
      return `${result.failure === undefined ? "ok" : "FAIL"} ${(result.ms / 1_000).toFixed(2)} s`;
    });
    return [row, ...texts];
  });
  return formatTable([["", ...columns], ...rows]);
}

/**
 * Runs tables, and prints each with what failed in it. A reason that several cells have is printed once.
 *
 * @param tables What to prove.
 * @param jobs How many rows at a time.
 * @param print Takes the lines.
 * @returns How many cells passed and failed.
 */
export async function runTables(
  tables: readonly CellTable[],
  jobs: number,
  print: (text: string) => void = console.log,
): Promise<Outcome> {
  const total = { passed: 0, failed: 0 };
  for (const { title, cells } of tables) {
    const results = await runRows(cells, jobs);
    print(`${title}\n${formatResults(results)}\n`);
    const failures = results.filter(({ failure }) => failure !== undefined);
    for (const [failure, own] of Map.groupBy(failures, ({ failure }) => failure)) {
      const places = own.map(({ cell }) => `${cell.row}, ${cell.column}`);
      const more = places.length > 1 ? ` (and ${places.length - 1} more)` : "";
      print(`FAIL ${places[0]}${more}\n${failure!.replace(/^/gm, "     ")}\n`);
    }
    total.failed += failures.length;
    total.passed += results.length - failures.length;
  }
  return total;
}
