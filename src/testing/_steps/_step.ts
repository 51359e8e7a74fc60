import type { LockLimits } from "../_cache.ts";
import type { DownloadLimits } from "../_download.ts";
import type { Run } from "../_run.ts";

/** A server binary that can be run. */
export interface FoundServer {
  /** Where it is. */
  path: string;
  /** What it says its version is. */
  version: string;
  /** How it was found, such as `go install`. */
  source: string;
}

/** Bounds of the steps, in milliseconds. */
export interface FindLimits {
  download: DownloadLimits;
  /** For commands that only look, such as `--version`. */
  look: number;
  /** For commands that ask their network whether a version exists. */
  ask: number;
  goInstall: number;
  pipDownload: number;
  lock: LockLimits;
}

/** What the steps may use of the world; the tests put stand-ins here. */
export interface FindContext {
  env: Record<string, string | undefined>;
  /** As `process.platform` names it. */
  platform: string;
  /** As `process.arch` names it. */
  arch: string;
  /** natskit's cache folder of this user. */
  cacheDir: string;
  fetch: typeof globalThis.fetch;
  run: Run;
  limits: FindLimits;
  log: (line: string) => void;
  signal?: AbortSignal | undefined;
}

/**
 * One way to a server. It rejects with an error whose message is the reason why it gave none; then the next one is
 * tried. A `NatsServerNotFoundError` ends the search.
 */
export interface FindStep {
  name: string;
  find(context: FindContext, version: string | undefined): Promise<FoundServer>;
}
