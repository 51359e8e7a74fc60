/**
 * How much each process moves before it is measured.
 *
 * @module
 */

/**
 * Enough for the runtime to have compiled what matters, and little beside the measured part.
 *
 * @param size Bytes of the measured part.
 * @returns Bytes of the part before it.
 */
export function warmUpSize(size: number): number {
  return Math.max(1, Math.min(64_000_000, Math.floor(size / 4)));
}
