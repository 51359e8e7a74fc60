/**
 * Sees to it that no upload waits for what another one holds up, or for what will not come: whoever stands in the way is
 * read from the stream from then on.
 *
 * @module
 */
import { evicted } from "./giving_up.ts";
import type { StreamIntake } from "./stream_intake.ts";
import type { Pulls } from "./stream_pulls.ts";
import type { DeliveryWatch } from "./stream_watch.ts";

/**
 * What a newcomer has to show for a place that another one has: `"body"` for all of its bytes, in the stream;
 * `"nothing"` if it had its chance, and nothing of it was stored since.
 */
export type Claim = "body" | "news" | "nothing";

/**
 * Gives up an upload that gets nothing, if there is one: that of which nothing was stored for five seconds; for a newcomer
 * that is whole, also one that has nothing but its ticket. What is given up comes again.
 */
export function evictOne(
  intakes: Iterable<StreamIntake>,
  claim: Claim,
): StreamIntake | undefined {
  if (claim === "nothing") return undefined;
  let longest: StreamIntake | undefined;
  let barren: StreamIntake | undefined;
  for (const intake of intakes) {
    if (intake.isDry && !(longest && longest.hungryFor >= intake.hungryFor)) longest = intake;
    if (intake.isWaiting && intake.isBarren) barren ??= intake;
  }
  const victim = longest ?? (claim === "body" ? barren : undefined);
  victim?.giveUp(evicted(victim.delivery));
  return victim;
}

/** So long nobody waits for what another one holds up. */
const PATIENCE_MS = 2_000;

/** To be called regularly. */
export function relieve(
  intakes: Iterable<StreamIntake>,
  pulls: Pulls,
  watch: DeliveryWatch,
): void {
  const live = [...intakes].filter(({ isLive }) => isLive);
  const { pausedFor } = pulls;
  const starving = live.filter(({ hungryFor }) => hungryFor >= PATIENCE_MS);
  if (pausedFor >= PATIENCE_MS || (pausedFor > 0 && starving.length > 0)) {
    const slow = live.sort((a, b) => b.upload.bufferedBytes - a.upload.bufferedBytes)[0];
    slow?.toReplay();
    for (const intake of starving) if (intake !== slow) intake.forgive();
    pulls.wake();
    return;
  }
  if (starving.length > 0) watch.onWaiting();
  for (const intake of live) {
    const { hungryFor, gapFor, patience } = intake;
    const isLeftOut = hungryFor >= patience && watch.hasLeftOut(hungryFor);
    // A chunk that is missing, and was not delivered to others, is not stored yet.
    if (isLeftOut || (gapFor >= patience && !intake.hasSeenAll)) intake.toReplay();
  }
}
