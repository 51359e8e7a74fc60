import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { cacheFolder } from "../../src/testing/_cache.ts";
import { serverConfig } from "../../src/testing/_config.ts";
import { readLogTail } from "../../src/testing/_log_tail.ts";
import { pickFreePorts } from "../../src/testing/_ports.ts";
import { compareVersions, parseVersion, versionProblem } from "../../src/testing/_version.ts";
import { temporaryFolder } from "./_helpers.ts";

test("cacheFolder() is where each system keeps caches", () => {
  assertEquals(cacheFolder({}, "linux", "/home/a"), join("/home/a", ".cache", "natskit"));
  assertEquals(cacheFolder({ XDG_CACHE_HOME: "/c" }, "linux", "/home/a"), join("/c", "natskit"));
  assertEquals(
    cacheFolder({ XDG_CACHE_HOME: "c" }, "linux", "/h"),
    join("/h", ".cache", "natskit"),
  );
  assertEquals(cacheFolder({}, "darwin", "/h"), join("/h", "Library", "Caches", "natskit"));
  assertEquals(cacheFolder({ LOCALAPPDATA: "/l" }, "win32", "/h"), join("/l", "natskit", "cache"));
});

test("serverConfig() says only what was asked for", () => {
  assertEquals(
    serverConfig({ name: "one", port: 1, monitorPort: 2 }),
    'server_name: "one"\nlisten: "127.0.0.1:1"\nhttp: "127.0.0.1:2"\n',
  );
  const full = serverConfig({
    name: "two",
    port: 1,
    monitorPort: 2,
    websocketPort: 3,
    storeDir: "C:\\temp",
    maxPayload: 4,
    auth: { user: 'a"b', password: "c\nd" },
    cluster: { name: "c", port: 5, peers: [5, 6] },
    extra: "debug: true",
  });
  for (
    const part of [
      'websocket { listen: "127.0.0.1:3", no_tls: true }',
      'store_dir: "C:\\\\temp"',
      "max_payload: 4",
      'user: "a\\"b", password: "c\\nd"',
      'listen: "127.0.0.1:5", routes: [ "nats://127.0.0.1:5", "nats://127.0.0.1:6" ]',
      "\ndebug: true\n",
    ]
  ) assertStringIncludes(full, part);
});

test("readLogTail() shows the end, without the secret", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "log");
  assertEquals(readLogTail(path), "");
  writeFileSync(path, `first ${"x".repeat(20_000)} user:hunter2 hunter2 last`);
  const tail = readLogTail(path, "hunter2");
  assertEquals(tail.length, 16_384 - 2 * ("hunter2".length - "***".length));
  assert(tail.endsWith("user:*** *** last"));
  assertEquals(readLogTail(path).includes("hunter2"), true);
});

test("pickFreePorts() gives different ports that can be bound and no client can hold", async () => {
  const ports = await pickFreePorts(20);
  assertEquals(new Set(ports).size, 20);
  for (const port of ports) {
    assert(port >= 20_000 && port < 32_768, `${port}`);
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject).listen(port, "127.0.0.1", () => server.close(() => resolve()));
    });
  }
});

test("compareVersions() orders numbers as numbers and pre-releases before their release", () => {
  const sorted = ["2.9.9", "2.10.25", "2.15.1-RC.1", "2.15.1", "2.15.10", "3.0.0"];
  assertEquals([...sorted].reverse().sort(compareVersions), sorted);
  assertEquals(compareVersions("2.15.1", "2.15.1"), 0);
});

test("parseVersion() reads what nats-server prints and nothing else", () => {
  assertEquals(parseVersion("nats-server: v2.15.1\n"), "2.15.1");
  assertEquals(parseVersion("nats-server: v2.16.0-RC.1\n"), "2.16.0-RC.1");
  assertEquals(parseVersion("gnatsd 1.0"), null);
  assertEquals(parseVersion(""), null);
});

test("versionProblem() takes new enough, or exactly the one asked for", () => {
  assertEquals(versionProblem("2.15.1", undefined), null);
  assertEquals(versionProblem("2.15.0", undefined), "it is 2.15.0, wanted is 2.15.1 or newer");
  assertEquals(versionProblem("2.10.25", "2.10.25"), null);
  assertEquals(versionProblem("2.15.1", "2.10.25"), "it is 2.15.1, wanted is 2.10.25");
});
