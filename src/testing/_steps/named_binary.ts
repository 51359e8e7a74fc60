import { NatsServerNotFoundError } from "../../errors.ts";
import type { FindStep } from "./_step.ts";
import { MINIMUM_VERSION, versionProblem } from "../_version.ts";
import { binaryVersion } from "./_binary.ts";

const VARIABLE = "NATS_SERVER_BIN";

/**
 * The file that the environment variable names. Who sets it means it: a file that does not run, or is too old for any
 * use, is an error and not a reason to look elsewhere. One that merely is not the version asked for is passed over.
 */
export const namedBinaryStep: FindStep = {
  name: VARIABLE,
  async find(context, version) {
    const path = context.env[VARIABLE];
    if (!path) throw new Error("not set");
    const refuse = (reason: string, cause?: unknown): NatsServerNotFoundError =>
      new NatsServerNotFoundError(
        version ?? `${MINIMUM_VERSION} or newer`,
        [{ step: `${VARIABLE}=${path}`, reason }],
        { cause },
      );
    let found: string;
    try {
      found = await binaryVersion(context, path);
    } catch (error) {
      context.signal?.throwIfAborted();
      throw refuse((error as Error).message, error);
    }
    const problem = versionProblem(found, version);
    if (problem === null) return { path, version: found, source: VARIABLE };
    if (version !== undefined) throw new Error(problem);
    throw refuse(problem);
  },
};
