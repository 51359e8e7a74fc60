/**
 * The little statistics that the benchmark needs.
 *
 * @module
 */

/** The middle and the ends of some figures. */
export interface Summary {
  /** The value in the middle; of an even number, the mean of the two. */
  readonly median: number;
  /** The smallest. */
  readonly min: number;
  /** The largest. */
  readonly max: number;
}

/**
 * Sums figures up by their median, because one slow round on a busy machine moves a mean.
 *
 * @param values The figures, in any order.
 * @returns The summary; `undefined` of no figures at all.
 */
export function summarize(values: readonly number[]): Summary | undefined {
  if (values.length === 0) return undefined;
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted.length >> 1;
  const lower = (sorted.length - 1) >> 1;
  return {
    median: (sorted[lower]! + sorted[upper]!) / 2,
    min: sorted[0]!,
    max: sorted.at(-1)!,
  };
}

/**
 * The ratios of figures of the same round. Both of a round saw the machine in the same state, so their ratio is steadier
 * than either.
 *
 * @param of The figures that are judged, by round; `undefined` where a round failed.
 * @param to The figures that they are measured against, likewise.
 * @returns The ratios of the rounds that have both.
 */
export function ratiosByRound(
  of: readonly (number | undefined)[],
  to: readonly (number | undefined)[],
): number[] {
  return of.flatMap((value, round) => {
    const base = to[round];
    return value === undefined || base === undefined ? [] : [value / base];
  });
}

/**
 * What several contenders together set as a mark: the fastest of some, but no more than another one.
 *
 * @param fastestOf The figures of those of whom the fastest counts, each by round; `undefined` where a round failed.
 * @param atMost The figures of the other one, likewise.
 * @returns The marks by round; `undefined` where somebody has no figure.
 */
export function marksByRound(
  fastestOf: readonly (readonly (number | undefined)[])[],
  atMost?: readonly (number | undefined)[],
): (number | undefined)[] {
  return (fastestOf[0] ?? []).map((_, round) => {
    const values = fastestOf.map((each) => each[round]);
    const limit = atMost === undefined ? Infinity : atMost[round];
    if (limit === undefined || !values.every((value) => value !== undefined)) return undefined;
    return Math.min(limit, Math.max(...values));
  });
}

/**
 * Who goes first in a round: the order moves on by one each round, so that nobody always runs after the same neighbour.
 *
 * @param items Those who take turns.
 * @param round The number of the round, from 0.
 */
export function rotated<T>(items: readonly T[], round: number): T[] {
  const start = items.length === 0 ? 0 : round % items.length;
  return [...items.slice(start), ...items.slice(0, start)];
}
