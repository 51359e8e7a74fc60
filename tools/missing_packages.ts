/**
 * What is said when packages cannot be had. Apart from `task.ts`, which runs when it is imported.
 *
 * @module
 */
import { readDenoManifest } from "./registry.ts";

/**
 * Whether Deno failed for want of a network, rather than over the code.
 *
 * @param report What it printed.
 */
export function isUnreachable(report: string): boolean {
  return /sending request|failed loading|failed to load|dns error|found in cache|JSR package/i
    .test(report);
}

/**
 * The one message about packages that could not be had.
 *
 * @param report What Deno printed.
 * @param reason Why there is no registry to ask.
 */
export function explainMissing(report: string, reason: string): string {
  const found = report.match(
    /for package "([^"]+)"|manifest for '([^']+)'|(?:jsr|npm):\/?(@?[\w./@^~-]+)/,
  );
  const example = found?.slice(1).find((name) => name !== undefined) ?? "the packages";
  const imports = Object.keys(readDenoManifest().imports).join(", ");
  return [
    `Cannot get ${example}: ${reason}, and Deno's cache lacks it.`,
    `Needed are ${imports}. Any one of these provides them:`,
    "  - run the same task once with a network; from then on it works without",
    "  - name an npm registry that can be reached in the environment variable NPM_CONFIG_REGISTRY",
    "  - set DENO_DIR to the Deno cache of a machine that ran the task before",
  ].join("\n");
}
