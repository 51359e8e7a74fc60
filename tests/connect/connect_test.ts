import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { after, before, test } from "node:test";
import { inspect } from "node:util";
import { connect } from "../../src/connect/connect.ts";
import type { ConnectOptions } from "../../src/connect/connect_options.ts";
import { ConnectError } from "../../src/errors.ts";
import { type NatsServer, startNatsServer } from "../../src/testing/mod.ts";
import { INFO, startFakeServer } from "./_fake_server.ts";

const USER = "al@ice";
const PASSWORD = "p:a/ss w%rd#é";
const TOKEN = "t0ken/with:odd@signs";

let plain: NatsServer;
let withUser: NatsServer;
let withToken: NatsServer;
before(async () => {
  [plain, withUser, withToken] = await Promise.all([
    startNatsServer({ jetstream: false }),
    startNatsServer({ jetstream: false, auth: { user: USER, password: PASSWORD } }),
    startNatsServer({ jetstream: false, auth: { token: TOKEN } }),
  ]);
});
after(async () => {
  await Promise.all([plain, withUser, withToken].map((server) => server?.stop()));
});

/** A server URL with user info in it. */
function withInfo(server: NatsServer, ...info: string[]): string {
  return server.url.replace("://", `://${info.map(encodeURIComponent).join(":")}@`);
}

/** Connects and sends a message through the server and back. */
async function echo(options: ConnectOptions): Promise<string> {
  const nc = await connect(options);
  try {
    nc.subscribe("echo", { callback: (_error, message) => void message.respond(message.data) });
    return (await nc.request("echo", "hello", { timeout: 5_000 })).string();
  } finally {
    await nc.close();
  }
}

test("connect() makes an official connection when given a server", async () => {
  const nc = await connect({ servers: plain.url });
  assertEquals(nc.info?.server_name, plain.name);
  assertEquals(nc.getServer(), plain.url.replace("nats://", ""));
  await nc.drain();
  assertEquals(nc.isClosed(), true);
});

const LOGINS: [string, () => ConnectOptions][] = [
  ["user and password", () => ({ servers: withUser.url, user: USER, password: PASSWORD })],
  ["user info in the URL", () => ({ servers: withInfo(withUser, USER, PASSWORD) })],
  ["user info without a scheme", () => ({
    servers: withInfo(withUser, USER, PASSWORD).replace("nats://", ""),
  })],
  ["options before user info in the URL", () => ({
    servers: withInfo(withUser, "wrong", "wrong"),
    user: USER,
    password: PASSWORD,
  })],
  ["a token", () => ({ servers: withToken.url, token: TOKEN })],
  ["a token in the URL", () => ({ servers: withInfo(withToken, TOKEN) })],
  ["a token function", () => ({ servers: withToken.url, token: () => TOKEN })],
  ["a promised token", () => ({ servers: withToken.url, token: () => Promise.resolve(TOKEN) })],
  ["the token before user and password", () => ({
    servers: withToken.url,
    token: TOKEN,
    user: "wrong",
    password: "wrong",
  })],
];
for (const [title, options] of LOGINS) {
  test(`connect() logs in with ${title}`, async () => {
    assertEquals(await echo(options()), "hello");
  });
}

const SECRET = "hunter2-secret";
const REFUSED: [string, () => ConnectOptions][] = [
  ["no login", () => ({ servers: withUser.url })],
  ["a wrong password", () => ({ servers: withUser.url, user: USER, password: SECRET })],
  ["a wrong password in the URL", () => ({ servers: withInfo(withUser, USER, SECRET) })],
  ["a wrong token", () => ({ servers: withToken.url, token: SECRET })],
  ["a wrong token in the URL", () => ({ servers: withInfo(withToken, SECRET) })],
];
for (const [title, options] of REFUSED) {
  test(`connect() fails at once and tells no secret when given ${title}`, async () => {
    const start = performance.now();
    const error = await assertRejects(() => connect(options()), ConnectError);
    assert(performance.now() - start < 4_500, "took as long as a time-out");
    assertEquals(error.reason, "authorization");
    assertStringIncludes(error.message, "authorization violation");
    assertEquals(error.servers.length, 1);
    const seen = `${error} ${error.stack} ${inspect(error, { depth: 20, showHidden: true })}`;
    for (const secret of [SECRET, encodeURIComponent(USER)]) assert(!seen.includes(secret), seen);
  });
}

test("connect() keeps secrets out of the connection that it returns", async () => {
  const nc = await connect({ servers: withInfo(withUser, USER, PASSWORD) });
  const seen = inspect(nc, { depth: 20, showHidden: true });
  await nc.close();
  for (const secret of [PASSWORD, encodeURIComponent(PASSWORD)]) assert(!seen.includes(secret));
});

test("connect() passes on what a token function throws, as the cause", async () => {
  const broken = new Error("no token today");
  const token = () => Promise.reject(broken);
  const error = await assertRejects(
    () => connect({ servers: withToken.url, token }),
    ConnectError,
    "no token today",
  );
  assertEquals(error.cause, broken);
});

/** What the server is told: the fields of the CONNECT message. */
async function sentWith(options: ConnectOptions): Promise<Record<string, unknown>> {
  let sent = "";
  await using fake = await startFakeServer((socket) => {
    socket.write(INFO);
    socket.on("data", (bytes) => {
      sent += bytes;
      if (sent.includes("PING\r\n")) socket.write("PONG\r\n");
    });
  });
  const nc = await connect({ servers: `127.0.0.1:${fake.port}`, ...options });
  await nc.close();
  await fake.everyoneLeft();
  const { lang: _lang, version: _version, ...fields } = JSON.parse(
    /^CONNECT (.*)\r\n/.exec(sent)![1]!,
  );
  return fields;
}

test("connect() tells the server what was asked for and nothing else", async () => {
  const always = {
    protocol: 1,
    headers: true,
    no_responders: true,
    pedantic: false,
    verbose: false,
  };
  assertEquals(await sentWith({}), always);
  assertEquals(await sentWith({ name: "billing", noEcho: true }), {
    ...always,
    name: "billing",
    echo: false,
  });
  assertEquals(await sentWith({ user: "u", password: "" }), { ...always, user: "u", pass: "" });
  assertEquals(await sentWith({ token: "t", user: "u", password: "p" }), {
    ...always,
    auth_token: "t",
  });
});

test("connect() makes inboxes under inboxPrefix when it is given", async () => {
  const nc = await connect({ servers: plain.url, inboxPrefix: "_INBOX_me" });
  let reply: string | undefined;
  nc.subscribe("ask", {
    callback: (_error, message) => {
      reply = message.reply;
      message.respond("ok");
    },
  });
  await nc.request("ask");
  await nc.close();
  assert(reply?.startsWith("_INBOX_me."), reply);
});

test("connect() hears itself unless noEcho is set", async () => {
  for (const [noEcho, expected] of [[false, 1], [true, 0]] as const) {
    const nc = await connect({ servers: plain.url, noEcho });
    let heard = 0;
    nc.subscribe("self", { callback: () => void heard++ });
    nc.publish("self", "x");
    await nc.flush();
    await nc.close();
    assertEquals(heard, expected, `noEcho ${noEcho}`);
  }
});

test("connect() rejects with a TypeError when an option is unknown or incomplete", async () => {
  await assertRejects(
    () => connect({ servers: plain.url, reconect: true } as ConnectOptions),
    TypeError,
    'unknown field "reconect"',
  );
  await assertRejects(
    () => connect({ servers: plain.url, user: "u" }),
    TypeError,
    "user is given without password",
  );
});
