import {
  describe,
  requireBoolean,
  requireKnownKeys,
  requireSignal,
  requireString,
} from "../_require.ts";
import { LONGEST_WAIT } from "../_wakeup.ts";
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
  requireKnownKeys("connect: options", options, Object.keys(KNOWN));
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
  for (const [field, value] of Object.entries({ reconnect, waitOnFirstConnect, noEcho })) {
    requireBoolean(`connect: ${field}`, value);
  }
  if (signal !== undefined) requireSignal("connect: signal", signal);
  if (name !== undefined) requireText("name", name);
  if (inboxPrefix !== undefined) checkPrefix(inboxPrefix);
  const serverList = parseServers(servers);
  return {
    servers: serverList,
    login: readLogin(options, serverList.userInfo),
    name,
    connectTimeout: checkInteger("connectTimeout", connectTimeout, 1, LONGEST_WAIT),
    reconnect,
    maxReconnectAttempts: checkInteger("maxReconnectAttempts", maxReconnectAttempts, -1),
    reconnectWait: checkInteger("reconnectWait", reconnectWait, 1, LONGEST_WAIT / 2),
    reconnectJitter: checkInteger("reconnectJitter", reconnectJitter, 0, LONGEST_WAIT / 2),
    pingInterval: checkInteger("pingInterval", pingInterval, 1, LONGEST_WAIT),
    maxPingOut: checkInteger("maxPingOut", maxPingOut, 1),
    waitOnFirstConnect,
    inboxPrefix,
    noEcho,
    signal,
  };
}

function checkInteger(
  field: string,
  value: unknown,
  least: number,
  most: number = Number.MAX_SAFE_INTEGER,
): number {
  if (typeof value !== "number") {
    throw new TypeError(`connect: ${field} is ${describe(value)}, wanted is a number`);
  }
  if (!Number.isInteger(value) || value < least || value > most) {
    const range = most === Number.MAX_SAFE_INTEGER
      ? `of at least ${least}`
      : `from ${least} to ${Math.floor(most)} (milliseconds)`;
    throw new RangeError(`connect: ${field} is ${value}, wanted is a whole number ${range}`);
  }
  return value;
}

function requireText(field: string, value: unknown): void {
  requireString(`connect: ${field}`, value);
  if (value === "") {
    throw new TypeError(`connect: ${field} is empty, wanted is a string that is not empty`);
  }
}

function checkPrefix(prefix: string): void {
  requireText("inboxPrefix", prefix);
  if (!/^[^\s.*>]+(\.[^\s.*>]+)*$/.test(prefix)) {
    throw new TypeError(
      `connect: inboxPrefix is ${JSON.stringify(prefix)}, wanted is a subject without wildcards, ` +
        "white space and empty tokens, such as _INBOX_alice",
    );
  }
}
