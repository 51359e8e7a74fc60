/**
 * Chance that can be had again: a failed run is repeated with its seed.
 *
 * @module
 */

/** Numbers that look like chance, the same ones for the same seed. */
export interface Random {
  /** A number from `least` up to `most`, which is not included. */
  between(least: number, most: number): number;
  /** A whole number from 0 up to `count`, which is not included. */
  below(count: number): number;
  /** One of some things. */
  pick<T>(items: readonly T[]): T;
}

/**
 * Starts a sequence.
 *
 * @param seed A whole number.
 */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  // mulberry32
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (count: number): number => Math.floor(next() * count);
  return {
    between: (least, most) => least + next() * (most - least),
    below,
    pick: (items) => items[below(items.length)]!,
  };
}

/**
 * The seed of one run, so that it does not depend on the runs before it.
 *
 * @param seed The seed of all.
 * @param name What tells this run from the others.
 */
export function seedOf(seed: number, name: string): number {
  const text = `${seed} ${name}`;
  // FNV-1a
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193) >>> 0;
  }
  return hash;
}
