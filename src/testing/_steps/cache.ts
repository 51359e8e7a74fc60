import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { FindStep } from "./_step.ts";
import { compareVersions, VERSION_PATTERN, versionProblem } from "../_version.ts";
import { binaryName, binaryVersion, serversFolder, versionFolder } from "./_binary.ts";

/** The newest server that an earlier step of an earlier run left in the cache. */
export const cacheStep: FindStep = {
  name: "cache",
  async find(context, version) {
    const suffix = `-${context.platform}-${context.arch}`;
    const names = await readdir(serversFolder(context)).catch(() => []);
    const versions = names.filter((name) => name.endsWith(suffix))
      .map((name) => name.slice(0, -suffix.length))
      .filter((name) => VERSION_PATTERN.test(name) && versionProblem(name, version) === null)
      .sort(compareVersions).reverse();
    const problems: string[] = [];
    for (const cached of versions) {
      const path = join(versionFolder(context, cached), binaryName(context));
      try {
        // Asked again, because files get lost and damaged.
        const found = await binaryVersion(context, path);
        if (found === cached) return { path, version: found, source: "cache" };
        problems.push(`${path} is ${found}`);
      } catch (error) {
        context.signal?.throwIfAborted();
        problems.push((error as Error).message);
      }
    }
    throw new Error(
      problems.length > 0
        ? problems.join("; ")
        : `nothing that counts in ${serversFolder(context)}`,
    );
  },
};
