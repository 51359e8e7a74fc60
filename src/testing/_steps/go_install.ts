import { join } from "node:path";
import type { FindStep } from "./_step.ts";
import { isCommandMissing, lastLine } from "../_run.ts";
import { PINNED_VERSION } from "../_version.ts";
import { addToCache, binaryName } from "./_binary.ts";

const MODULE = "github.com/nats-io/nats-server/v2";

/** Builds the server from its source, which the Go tool checks against its checksum database. */
export const goInstallStep: FindStep = {
  name: "go install",
  async find(context, version = PINNED_VERSION) {
    const { run, limits, signal } = context;
    const target = `${MODULE}@v${version}`;
    const path = await addToCache(context, version, async (temporary) => {
      const env: Record<string, string | undefined> = {
        ...context.env,
        GOBIN: temporary,
        GO111MODULE: "on",
        GOWORK: "off",
        GOFLAGS: "",
        CGO_ENABLED: "0",
      };
      // The tool refuses GOBIN while these ask for another machine's binary.
      delete env["GOOS"];
      delete env["GOARCH"];
      const go = async (args: string[], timeout: number): Promise<void> => {
        const result = await run("go", args, { timeout, env, cwd: temporary, signal }).catch(
          (error) => {
            throw isCommandMissing(error) ? new Error("there is no go on the PATH") : error;
          },
        );
        if (result.code !== 0) throw new Error(`go ${args[0]} failed: ${lastLine(result)}`);
      };
      // The tool itself waits for minutes for a network that swallows everything; this asks, with a short bound.
      await go(["list", "-m", target], limits.ask);
      context.log(
        `natskit: building nats-server ${version} with go install, once; this takes a minute`,
      );
      await go(["install", target], limits.goInstall);
      // The tool names the binary after the module, whose last part is a version.
      return join(temporary, binaryName(context));
    });
    return { path, version, source: "go install" };
  },
};
