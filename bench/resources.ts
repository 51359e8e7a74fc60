/**
 * How much memory and processor time a process needed.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import process from "node:process";

/** What a process needed. */
export interface Resources {
  /** The most resident memory that it ever had, in bytes. */
  peak: number;
  /** The processor time of all its threads since the clock was started, in milliseconds. */
  cpuMs: number;
}

/**
 * Starts to count the processor time of this process.
 *
 * @returns Tells what the process has needed up to now.
 */
export function startResources(): () => Resources {
  const before = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(before);
    return { peak: peakMemory(), cpuMs: (user + system) / 1_000 };
  };
}

/**
 * The most resident memory that this process ever had.
 *
 * @returns Bytes, the runtime itself included. Where the system does not tell the peak, what there is now.
 */
export function peakMemory(): number {
  // Linux first: what `resourceUsage` tells there includes the parent's memory at the moment of the fork.
  const kilobytes = linuxPeak() ?? reportedPeak();
  return kilobytes === undefined ? process.memoryUsage().rss : kilobytes * 1_024;
}

function linuxPeak(): number | undefined {
  try {
    const found = readFileSync("/proc/self/status", "utf8").match(/^VmHWM:\s+(\d+) kB$/m);
    return found ? Number(found[1]) : undefined;
  } catch {
    return undefined;
  }
}

function reportedPeak(): number | undefined {
  try {
    return process.resourceUsage().maxRSS || undefined;
  } catch {
    return undefined;
  }
}
