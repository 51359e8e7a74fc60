import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { FindStep } from "./_step.ts";
import { versionProblem } from "../_version.ts";
import { binaryName, binaryVersion } from "./_binary.ts";

/** The first `nats-server` on the `PATH` that counts; an old one there does not hide a newer one behind it. */
export const pathStep: FindStep = {
  name: "PATH",
  async find(context, version) {
    const variable = Object.keys(context.env).find((name) => name.toUpperCase() === "PATH");
    const folders = (variable ? context.env[variable] ?? "" : "")
      .split(context.platform === "win32" ? ";" : ":");
    const problems: string[] = [];
    for (const folder of folders) {
      if (folder === "") continue;
      const path = join(folder, binaryName(context));
      if (!await stat(path).then((file) => file.isFile(), () => false)) continue;
      try {
        const found = await binaryVersion(context, path);
        const problem = versionProblem(found, version);
        if (problem === null) return { path, version: found, source: "PATH" };
        problems.push(`${path}: ${problem}`);
      } catch (error) {
        context.signal?.throwIfAborted();
        problems.push((error as Error).message);
      }
    }
    throw new Error(problems.length > 0 ? problems.join("; ") : "no nats-server in its folders");
  },
};
