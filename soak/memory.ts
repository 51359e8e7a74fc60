/**
 * How the memory of a process develops.
 *
 * @module
 */
import process from "node:process";
import { peakMemory } from "../bench/resources.ts";

/** What a process needed at one moment, in bytes. */
export interface MemorySample {
  /** When, in milliseconds since the watch began. */
  readonly at: number;
  /** Resident memory. */
  readonly rss: number;
  /** What the program itself holds, garbage included. */
  readonly heap: number;
}

/** What a process needed, in bytes. */
export interface MemoryReport {
  /** The most resident memory that it ever had. */
  readonly peak: number;
  /** How it went. */
  readonly samples: readonly MemorySample[];
}

const EVERY = 100;

/**
 * Watches this process.
 *
 * @returns Tells what was seen up to now.
 */
export function watchMemory(): () => MemoryReport {
  const startedAt = performance.now();
  const samples: MemorySample[] = [];
  const look = (): void => {
    const { rss, heapUsed } = process.memoryUsage();
    samples.push({ at: performance.now() - startedAt, rss, heap: heapUsed });
  };
  look();
  setInterval(look, EVERY).unref();
  return () => {
    look();
    return { peak: peakMemory(), samples };
  };
}

/**
 * By how much the memory grew from the second quarter of the time to the last: a leak shows, and the start does not.
 *
 * @param samples What was seen, in order.
 * @returns Bytes; negative where it shrank.
 */
export function growth(samples: readonly MemorySample[]): number {
  const quarter = Math.floor(samples.length / 4);
  const highest = (from: number, to: number): number =>
    Math.max(...samples.slice(from, to).map(({ rss }) => rss));
  if (quarter === 0) return 0;
  return highest(samples.length - quarter, samples.length) - highest(quarter, 2 * quarter);
}

/** Bytes in megabytes, for people. */
export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}
