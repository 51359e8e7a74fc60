import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { cacheFolder } from "../../src/testing/_cache.ts";
import type { FindContext } from "../../src/testing/_steps/_step.ts";
import type { Run, RunResult } from "../../src/testing/_run.ts";

/** What the stand-ins were asked, and how they answer. */
export interface World extends FindContext {
  /** Every command that was run, but for `--version` of a binary, and every address that was fetched. */
  readonly calls: string[];
  /** What was logged. */
  readonly lines: string[];
  /** Commands by name; those that are not here are not on the machine. */
  readonly commands: Map<
    string,
    (args: string[], options: Parameters<Run>[2]) => Promise<RunResult>
  >;
  /** Files of the network by address; others do not resolve. */
  readonly network: Map<string, () => Response | Promise<Response>>;
}

/** A command that ends well. */
export function succeed(stdout = ""): Promise<RunResult> {
  return Promise.resolve({ code: 0, stdout, stderr: "" });
}

/** A command that fails. */
export function failWith(stderr: string): Promise<RunResult> {
  return Promise.resolve({ code: 1, stdout: "", stderr });
}

/** Something that only ends when it is aborted. */
export function hang(signal?: AbortSignal | null): Promise<never> {
  return new Promise((_, reject) => {
    if (signal?.aborted) reject(signal.reason);
    signal?.addEventListener("abort", () => reject(signal.reason));
  });
}

/** Puts a file there that stands for a server binary: asked for its version, it says what it contains. */
export function placeBinary(path: string, version: string): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `binary ${version}`);
  return path;
}

/** A bare machine: no server, no commands, no network. Every test adds what it is about. */
export function createWorld(folder: string, given: Partial<FindContext> = {}): World {
  const commands: World["commands"] = new Map();
  const network: World["network"] = new Map();
  const calls: string[] = [];
  const lines: string[] = [];
  const env = { PATH: join(folder, "bin"), XDG_CACHE_HOME: join(folder, "cache") };
  const run: Run = (command, args, options) => {
    if (existsSync(command)) {
      const [, version] = /^binary (.+)$/.exec(readFileSync(command, "utf8")) ?? [];
      return version ? succeed(`nats-server: v${version}\n`) : failWith("exec format error");
    }
    calls.push([command, ...args].join(" "));
    const answer = commands.get(command);
    return answer
      ? answer(args, options)
      : Promise.reject(Object.assign(new Error(`spawn ${command} ENOENT`), { code: "ENOENT" }));
  };
  const fetch = ((url: string, init?: RequestInit) => {
    calls.push(url);
    const answer = network.get(url);
    if (!answer) {
      return Promise.reject(new TypeError("fetch failed", { cause: new Error("host not found") }));
    }
    return Promise.race([answer(), hang(init?.signal)]);
  }) as typeof globalThis.fetch;
  return {
    env,
    platform: "linux",
    arch: "x64",
    cacheDir: cacheFolder(env, "linux"),
    fetch,
    run,
    log: (line) => lines.push(line),
    limits: {
      download: { firstByte: 200, idle: 200, total: 1_000 },
      look: 200,
      ask: 200,
      goInstall: 200,
      pipDownload: 200,
      lock: { wait: 2_000, stale: 500 },
    },
    calls,
    lines,
    commands,
    network,
    ...given,
  };
}

/** Lets `go install` work, for any version that `exists` says there is. */
export function provideGo(world: World, exists: (version: string) => boolean = () => true): void {
  world.commands.set("go", (args, { env }) => {
    const version = /@v(.+)$/.exec(args.at(-1)!)![1]!;
    if (!exists(version)) return failWith(`no matching versions for query "v${version}"`);
    if (args[0] === "install") placeBinary(join(env["GOBIN"]!, "nats-server"), version);
    return succeed();
  });
}
