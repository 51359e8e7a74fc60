/**
 * Whether what was wanted was reached.
 *
 * @module
 */
import type { MemoryResult, RatioResult, TableResult } from "./run_table.ts";

/** Whether the median reaches what is wanted; `undefined` where nothing is wanted, `false` where nothing was measured. */
export function ratioMet({ wanted, ratio }: RatioResult): boolean | undefined {
  return wanted === undefined ? undefined : ratio !== undefined && ratio.median >= wanted;
}

/** Whether the process stayed within what is wanted; `false` where nothing was measured. */
export function memoryMet({ wantedBeyondPayload, beyondPayload }: MemoryResult): boolean {
  return beyondPayload !== undefined && beyondPayload <= wantedBeyondPayload;
}

/** Whether the table reached everything that is wanted of it. */
export function allMet({ ratios, memory }: TableResult): boolean {
  return ratios.every((each) => ratioMet(each) !== false) && memory.every(memoryMet);
}
