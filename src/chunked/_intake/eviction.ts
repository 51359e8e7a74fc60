/**
 * Which uploads give way to others.
 *
 * @module
 */

/** An upload that kept others waiting may be evicted after sending nothing for so long. */
const GIVES_WAY_AFTER_MS = 5_000;

/**
 * Those that sent nothing for five seconds, longest idle first.
 *
 * @param idleSince Since when an upload has got nothing although something could have been sent.
 */
export function longestIdle<Upload>(
  uploads: Iterable<Upload>,
  now: number,
  idleSince: (upload: Upload) => number,
): Upload[] {
  return [...uploads]
    .map((upload) => ({ upload, since: idleSince(upload) }))
    .filter(({ since }) => now - since >= GIVES_WAY_AFTER_MS)
    .sort((a, b) => a.since - b.since)
    .map(({ upload }) => upload);
}
