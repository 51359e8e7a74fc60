import { createHash } from "node:crypto";
import { join } from "node:path";
import { readTarGzFile, readZipFile } from "../_archive.ts";
import { download } from "../_download.ts";
import type { FindContext, FindStep } from "./_step.ts";
import { PINNED_VERSION } from "../_version.ts";
import { addToCache, BINARY_IN_ARCHIVE, binaryName, writeBinary } from "./_binary.ts";

const RELEASES = "https://github.com/nats-io/nats-server/releases/download";

/** How the releases name what `process.platform` and `process.arch` name. */
const PLATFORMS: Record<string, string> = {
  darwin: "darwin",
  freebsd: "freebsd",
  linux: "linux",
  win32: "windows",
};
const ARCHITECTURES: Record<string, string> = {
  arm: "arm7",
  arm64: "arm64",
  ia32: "386",
  ppc64: "ppc64le",
  riscv64: "riscv64",
  s390x: "s390x",
  x64: "amd64",
};

function assetName(context: FindContext, version: string): string {
  const platform = PLATFORMS[context.platform];
  const arch = ARCHITECTURES[context.arch];
  if (!platform || !arch) {
    throw new Error(`there is no release for ${context.platform} on ${context.arch}`);
  }
  return `nats-server-v${version}-${platform}-${arch}.${platform === "windows" ? "zip" : "tar.gz"}`;
}

/** Finds the digest of a file in a list as `sha256sum` writes it. */
function announcedDigest(sums: string, asset: string): string {
  for (const line of sums.split("\n")) {
    const [digest, name] = line.trim().split(/\s+\*?/);
    if (name === asset && digest && /^[0-9a-f]{64}$/.test(digest)) return digest;
  }
  throw new Error(`the release's SHA256SUMS does not list ${asset}`);
}

/** A release of the server project, checked against the digests of that release. */
export const releaseStep: FindStep = {
  name: "release download",
  async find(context, version = PINNED_VERSION) {
    const { fetch, limits, signal } = context;
    const asset = assetName(context, version);
    const folder = `${RELEASES}/v${version}`;
    const sums = await download(fetch, `${folder}/SHA256SUMS`, limits.download, signal);
    const expected = announcedDigest(new TextDecoder().decode(sums), asset);
    context.log(`natskit: downloading nats-server ${version} (${asset})`);
    const archive = await download(fetch, `${folder}/${asset}`, limits.download, signal);
    const actual = createHash("sha256").update(archive).digest("hex");
    if (actual !== expected) {
      throw new Error(
        `${asset} was refused: its SHA-256 is ${actual}, SHA256SUMS says ${expected}`,
      );
    }
    const binary = asset.endsWith(".zip")
      ? readZipFile(archive, BINARY_IN_ARCHIVE)
      : readTarGzFile(archive, BINARY_IN_ARCHIVE);
    const path = await addToCache(context, version, (temporary) => {
      const made = join(temporary, binaryName(context));
      writeBinary(made, binary);
      return Promise.resolve(made);
    });
    return { path, version, source: "release download" };
  },
};
