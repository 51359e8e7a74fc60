/** The oldest server that is good enough when none is asked for by version. */
export const MINIMUM_VERSION = "2.15.1";

/** The version that is downloaded or built when none is asked for. */
export const PINNED_VERSION = "2.15.2";

/** A version in the form that the server and its releases use, without the leading `v`. */
export const VERSION_PATTERN: RegExp = /^\d+\.\d+\.\d+(-[\w.]+)?$/;

/** Finds the version in what `nats-server --version` prints, or `null` if it prints something else. */
export function parseVersion(output: string): string | null {
  return /nats-server:? v(\d+\.\d+\.\d+(?:-[\w.]+)?)/.exec(output)?.[1] ?? null;
}

/** Orders two versions like a sort function does; a pre-release comes before its release. */
export function compareVersions(a: string, b: string): number {
  const [aNumbers, aPre] = split(a);
  const [bNumbers, bPre] = split(b);
  for (let i = 0; i < 3; i++) {
    const difference = (aNumbers[i] ?? 0) - (bNumbers[i] ?? 0);
    if (difference !== 0) return difference;
  }
  if (aPre === bPre) return 0;
  if (aPre === "" || bPre === "") return aPre === "" ? 1 : -1;
  return aPre < bPre ? -1 : 1;
}

function split(version: string): [numbers: number[], preRelease: string] {
  const dash = version.indexOf("-");
  const numbers = (dash < 0 ? version : version.slice(0, dash)).split(".").map(Number);
  return [numbers, dash < 0 ? "" : version.slice(dash + 1)];
}

/** What is wrong with a version, or `null` if it counts: the one asked for, or any that is new enough. */
export function versionProblem(found: string, wanted: string | undefined): string | null {
  if (wanted !== undefined) return found === wanted ? null : `it is ${found}, wanted is ${wanted}`;
  return compareVersions(found, MINIMUM_VERSION) >= 0
    ? null
    : `it is ${found}, wanted is ${MINIMUM_VERSION} or newer`;
}
