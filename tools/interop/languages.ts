/**
 * How the peers of `tests/interop/` are built, language by language.
 *
 * @module
 */
import { copyFile, cp, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { lastLine, runCommand } from "../../src/testing/_run.ts";
import type { RuntimeCommand } from "../runtime_command.ts";

/** A language that has a peer. */
export type Language = "go" | "rust" | "python";

/** All of them. */
export const LANGUAGES: readonly Language[] = ["go", "rust", "python"];

/** Where a peer is built. */
export interface BuildFolders {
  /** A copy of its sources; made anew for every build. */
  sources: string;
  /** An empty folder, which becomes the finished build. */
  output: string;
  /** A folder that stays from build to build, for what is worth keeping. */
  kept: string;
}

/** What builds the peer of one language, and starts it. */
export interface Toolchain {
  /** The client that the peer is written with. */
  client: string;
  /** The program that builds, or runs, it. */
  program: string;
  /** The argument that lets it tell its version. */
  versionArgument: string;
  /** How to get it, as a sentence. */
  howToGet: string;
  /** Builds. Rejects with the last words of what failed. */
  build(folders: BuildFolders): Promise<void>;
  /** The command that starts what was built. */
  start(output: string): RuntimeCommand;
}

const WINDOWS: boolean = process.platform === "win32";
const EXECUTABLE: string = WINDOWS ? "peer.exe" : "peer";
const PYTHON: string = WINDOWS ? "python" : "python3";

/** Longest run of a build command, in milliseconds: a first build of the Rust peer compiles its dependencies. */
const BUILD_TIMEOUT = 15 * 60_000;

async function run(
  program: string,
  args: string[],
  cwd: string,
  env: Record<string, string> = {},
): Promise<void> {
  const result = await runCommand(program, args, {
    cwd,
    timeout: BUILD_TIMEOUT,
    env: { ...process.env, ...env },
  });
  if (result.code === 0) return;
  const words = result.stderr.trim().split("\n").slice(-15).join("\n") || lastLine(result);
  throw new Error(
    `${program} ${args.join(" ")} ended with ${result.code ?? "a signal"}:\n${words}`,
  );
}

/** The program of the virtual environment in a folder. */
function environmentPython(folder: string): string {
  return WINDOWS ? join(folder, "Scripts", "python.exe") : join(folder, "bin", "python");
}

/** The toolchain of each language. */
export const TOOLCHAINS: Readonly<Record<Language, Toolchain>> = {
  go: {
    client: "nats.go",
    program: "go",
    versionArgument: "version",
    howToGet:
      "install Go 1.26 or newer from https://go.dev/dl, or with the system's package manager",
    build: ({ sources, output }) =>
      run(
        "go",
        ["build", "-mod=readonly", "-trimpath", "-o", join(output, EXECUTABLE), "."],
        sources,
        {
          CGO_ENABLED: "0",
        },
      ),
    start: (output) => ({ command: join(output, EXECUTABLE), args: [] }),
  },
  rust: {
    client: "async-nats",
    program: "cargo",
    versionArgument: "--version",
    howToGet: "install Rust 1.89 or newer with rustup, see https://rustup.rs",
    async build({ sources, output, kept }) {
      // The versions of what the dependencies depend on are chosen once, and kept with what was compiled of them.
      await mkdir(kept, { recursive: true });
      await rm(join(kept, "src"), { recursive: true, force: true });
      await cp(sources, kept, { recursive: true });
      const target = join(kept, "target");
      await run("cargo", ["build", "--release", "--quiet"], kept, { CARGO_TARGET_DIR: target });
      await copyFile(join(target, "release", EXECUTABLE), join(output, EXECUTABLE));
    },
    start: (output) => ({ command: join(output, EXECUTABLE), args: [] }),
  },
  python: {
    client: "nats-py",
    program: PYTHON,
    versionArgument: "--version",
    howToGet:
      "install Python 3.10 or newer with venv and pip from https://www.python.org/downloads, or with " +
      "the system's package manager (Debian: python3-venv)",
    async build({ sources, output }) {
      await run(PYTHON, ["-m", "venv", output], sources);
      const requirements = join(sources, "requirements.txt");
      const install = ["-m", "pip", "install", "--quiet", "--require-hashes", "-r", requirements];
      await run(environmentPython(output), install, sources);
      await cp(sources, join(output, "peer"), { recursive: true });
    },
    start: (output) => ({
      command: environmentPython(output),
      args: ["-B", join(output, "peer", "peer.py")],
    }),
  },
};
