/** How bytes travel: over a TCP socket (with or without TLS), or over a WebSocket. */
export type TransportKind = "tcp" | "ws";

/** What user info in a URL says. */
export type UserInfo = { user: string; password: string } | { token: string };

/** The servers to connect to, free of secrets. */
export interface ServerList {
  /** Which transport they need. */
  readonly kind: TransportKind;
  /** Their URLs without user info, for the transport. */
  readonly urls: readonly string[];
  /** The same without query, which may hold a secret too, for people. */
  readonly shown: readonly string[];
  /** Whether one of them demands TLS (`tls://`). */
  readonly tls: boolean;
  /** The user info that was found in the URLs. */
  readonly userInfo: UserInfo | undefined;
}

const KINDS: ReadonlyMap<string, TransportKind> = new Map([
  ["nats:", "tcp"],
  ["tls:", "tcp"],
  ["ws:", "ws"],
  ["wss:", "ws"],
]);

const WANTED =
  "wanted is nats://, tls://, ws:// or wss:// with host and port, such as nats://127.0.0.1:4222";

/** Reads the `servers` option. Never repeats a URL in an error before its user info is gone. */
export function parseServers(servers: unknown): ServerList {
  const list = typeof servers === "string" ? [servers] : servers;
  if (!Array.isArray(list)) {
    throw new TypeError(`connect: servers is ${typeof list}, wanted is a URL or an array of URLs`);
  }
  if (list.length === 0) {
    throw new RangeError("connect: servers is empty, wanted is at least one URL");
  }
  const parsed = list.map((server, index) =>
    parseServer(server, Array.isArray(servers) ? `servers[${index}]` : "servers")
  );
  const kinds = new Set(parsed.map((server) => server.kind));
  if (kinds.size > 1) {
    throw new TypeError(
      "connect: servers mixes WebSocket (ws, wss) with other URLs, wanted is one kind: a connection has one transport",
    );
  }
  const infos = parsed.flatMap((server) => server.userInfo ?? []);
  if (new Set(infos.map((info) => JSON.stringify(info))).size > 1) {
    throw new TypeError(
      "connect: servers carries different user infos, wanted is one: it is used for every server of the list",
    );
  }
  return {
    kind: parsed[0]!.kind,
    urls: parsed.map((server) => server.url + server.query),
    shown: parsed.map((server) => server.url),
    tls: parsed.some((server) => server.tls),
    userInfo: infos[0],
  };
}

function parseServer(server: unknown, field: string) {
  if (typeof server !== "string") {
    throw new TypeError(`connect: ${field} is ${typeof server}, ${WANTED}`);
  }
  const text = server.trim();
  let url: URL;
  try {
    url = new URL(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `nats://${text}`);
  } catch {
    // No cause: the message of the URL parser repeats its input, and with it the password.
    throw new TypeError(
      `connect: ${field} is not a URL (is its user info percent-encoded?), ${WANTED}`,
    );
  }
  const kind = KINDS.get(url.protocol);
  if (kind === undefined) {
    throw new TypeError(`connect: ${field} has the scheme ${url.protocol}//, ${WANTED}`);
  }
  if (url.hostname === "") throw new TypeError(`connect: ${field} names no host, ${WANTED}`);
  if (kind === "tcp" && (!["", "/"].includes(url.pathname) || url.search !== "")) {
    throw new TypeError(`connect: ${field} has a path or query, ${WANTED}`);
  }
  // A fragment is never sent, and with "@" behind the host a raw slash or "?" cut off a password.
  if (url.hash !== "" || `${url.pathname}${url.search}`.includes("@")) {
    throw new TypeError(
      `connect: ${field} has "#" or "@" after the host (is its user info percent-encoded?), ${WANTED}`,
    );
  }
  const path = url.pathname === "/" ? "" : url.pathname;
  const port = url.port || (kind === "tcp" ? "4222" : "");
  return {
    kind,
    url: `${url.protocol}//${url.hostname}${port && `:${port}`}${kind === "tcp" ? "" : path}`,
    query: url.search,
    tls: url.protocol === "tls:",
    userInfo: readUserInfo(url, text, field),
  };
}

function readUserInfo(url: URL, text: string, field: string): UserInfo | undefined {
  const { username, password } = url;
  if (username === "" && password === "") return undefined;
  if (username === "") {
    throw new TypeError(
      `connect: ${field} has a password without a user, wanted is user:password@host`,
    );
  }
  // The URL parser does not tell `user:@host` (an empty password) from `user@host` (a token).
  const hasPassword = password !== "" || /^[^@/]*:\/\/[^@/]*:@/.test(text) ||
    /^[^@/:]*:@/.test(text);
  try {
    return hasPassword
      ? { user: decodeURIComponent(username), password: decodeURIComponent(password) }
      : { token: decodeURIComponent(username) };
  } catch {
    throw new TypeError(`connect: ${field} has user info that is not percent-encoded UTF-8`);
  }
}
