import type { ConnectOptions } from "./connect_options.ts";
import { type Login, readLogin } from "./_auth.ts";
import { parseServers, type ServerList } from "./_servers.ts";

/** The options of one `connect`, checked, with every default in place. */
export interface ConnectSettings {
  readonly servers: ServerList;
  readonly login: Login | undefined;
  readonly name: string | undefined;
  readonly connectTimeout: number;
  readonly reconnect: boolean;
  readonly maxReconnectAttempts: number;
  readonly reconnectWait: number;
  readonly reconnectJitter: number;
  readonly pingInterval: number;
  readonly maxPingOut: number;
  readonly waitOnFirstConnect: boolean;
  readonly inboxPrefix: string | undefined;
  readonly noEcho: boolean;
  readonly signal: AbortSignal | undefined;
}

/** Timers hold no more; a longer one would fire at once. */
const LONGEST_MS = 2_147_483_647;

/** One line per option, so that the compiler finds a new one missing here. */
const KNOWN: Readonly<Record<keyof ConnectOptions, true>> = {
  servers: true,
  name: true,
  user: true,
  password: true,
  token: true,
  connectTimeout: true,
  reconnect: true,
  maxReconnectAttempts: true,
  reconnectWait: true,
  reconnectJitter: true,
  pingInterval: true,
  maxPingOut: true,
  waitOnFirstConnect: true,
  inboxPrefix: true,
  noEcho: true,
  signal: true,
};

/** Checks the options and applies the defaults; `defaultServers` is `undefined` where servers must be named. */
export function readSettings(
  options: ConnectOptions,
  defaultServers: string | undefined,
): ConnectSettings {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new TypeError("connect: options is not an object");
  }
  for (const key of Object.keys(options)) {
    if (!Object.hasOwn(KNOWN, key)) {
      throw new TypeError(`connect: there is no option ${JSON.stringify(key)}`);
    }
  }
  const {
    connectTimeout = 5_000,
    reconnect = true,
    maxReconnectAttempts = -1,
    reconnectWait = 2_000,
    reconnectJitter = 100,
    pingInterval = 20_000,
    maxPingOut = 2,
    waitOnFirstConnect = false,
    noEcho = false,
    servers = defaultServers,
    name,
    inboxPrefix,
    signal,
  } = options;
  if (servers === undefined) {
    throw new TypeError("connect: servers is missing, a browser needs a ws:// or wss:// URL");
  }
  const serverList = parseServers(servers);
  return {
    servers: serverList,
    login: readLogin(options, serverList.userInfo),
    name: name === undefined ? undefined : checkString("name", name),
    connectTimeout: checkInteger("connectTimeout", connectTimeout, 1, LONGEST_MS),
    reconnect: checkBoolean("reconnect", reconnect),
    maxReconnectAttempts: checkInteger("maxReconnectAttempts", maxReconnectAttempts, -1),
    reconnectWait: checkInteger("reconnectWait", reconnectWait, 1, LONGEST_MS / 2),
    reconnectJitter: checkInteger("reconnectJitter", reconnectJitter, 0, LONGEST_MS / 2),
    pingInterval: checkInteger("pingInterval", pingInterval, 1, LONGEST_MS),
    maxPingOut: checkInteger("maxPingOut", maxPingOut, 1),
    waitOnFirstConnect: checkBoolean("waitOnFirstConnect", waitOnFirstConnect),
    inboxPrefix: inboxPrefix === undefined ? undefined : checkPrefix(inboxPrefix),
    noEcho: checkBoolean("noEcho", noEcho),
    signal: signal === undefined ? undefined : checkSignal(signal),
  };
}

function checkInteger(
  field: string,
  value: unknown,
  least: number,
  most: number = Number.MAX_SAFE_INTEGER,
): number {
  if (typeof value !== "number") {
    throw new TypeError(`connect: ${field} is ${typeof value}, wanted is a number`);
  }
  if (!Number.isInteger(value) || value < least || value > most) {
    const range = most === Number.MAX_SAFE_INTEGER
      ? `of at least ${least}`
      : `from ${least} to ${Math.floor(most)} (milliseconds)`;
    throw new RangeError(`connect: ${field} is ${value}, wanted is a whole number ${range}`);
  }
  return value;
}

function checkBoolean(field: string, value: unknown): boolean {
  if (typeof value !== "boolean") {
    throw new TypeError(`connect: ${field} is ${typeof value}, wanted is true or false`);
  }
  return value;
}

function checkString(field: string, value: unknown): string {
  if (typeof value !== "string" || value === "") {
    const found = value === "" ? "an empty string" : typeof value;
    throw new TypeError(`connect: ${field} is ${found}, wanted is a string that is not empty`);
  }
  return value;
}

function checkPrefix(value: unknown): string {
  const prefix = checkString("inboxPrefix", value);
  if (!/^[^\s.*>]+(\.[^\s.*>]+)*$/.test(prefix)) {
    throw new TypeError(
      `connect: inboxPrefix is ${JSON.stringify(prefix)}, wanted is a subject without wildcards, ` +
        "white space and empty tokens, such as _INBOX_alice",
    );
  }
  return prefix;
}

function checkSignal(value: unknown): AbortSignal {
  const signal = value as AbortSignal;
  if (
    signal === null || typeof signal !== "object" || typeof signal.aborted !== "boolean" ||
    typeof signal.addEventListener !== "function"
  ) {
    throw new TypeError("connect: signal is not an AbortSignal");
  }
  return signal;
}
