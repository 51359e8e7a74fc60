import { ConnectError, type ConnectFailure } from "../errors.ts";
import type { ServerList } from "./_servers.ts";

const MAX_CAUSES = 8;

/** What to look for in an upstream error, in this order. Runtimes and transports share neither classes nor codes. */
const SIGNS: readonly [ConnectFailure, RegExp, string][] = [
  [
    "authorization",
    /AuthorizationError|authorization violation|authentication (timeout|expired)/i,
    "the server refused the login (authorization violation): check user, password or token",
  ],
  ["refused", /ECONNREFUSED|connection ?refused/i, "connection refused: no server listens there"],
  [
    "unreachable",
    /ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|dns error|failed to lookup|unreachable|getaddrinfo|no such host/i,
    "the host is unknown or cannot be reached",
  ],
  ["timeout", /TimeoutError/, "no server completed the handshake in time (connectTimeout)"],
  [
    "failed",
    /hung up|undefined error|expecting INFO|ECONNRESET|EPIPE|connection reset|broken pipe/i,
    "the server closed the connection during the handshake",
  ],
  [
    "failed",
    /unexpected response from server/,
    "what answered is no NATS server, or wants another URL scheme",
  ],
  ["tls", /certificate|CERT_|SELF_SIGNED|\btls\b|\bssl\b|handshake/i, "TLS could not be set up"],
];

/**
 * Turns what the official client failed with into an error that says plainly what is wrong. Some WebSockets repeat the
 * URL in theirs: with a query in it, which may hold a secret, that error is not passed on.
 */
export function describeFailure(list: ServerList, error: unknown): ConnectError {
  const { shown: servers, urls } = list;
  const isSafe = urls.every((url, index) => url === servers[index]);
  const text = readCauses(error);
  const options = isSafe ? { cause: error } : undefined;
  for (const [reason, sign, explanation] of SIGNS) {
    if (sign.test(text)) return new ConnectError(servers, reason, explanation, options);
  }
  // Node's WebSocket says nothing of why it failed.
  const message = isSafe && error instanceof Error && error.message !== ""
    ? error.message
    : "no server listens there, or it does not take WebSockets";
  return new ConnectError(servers, "failed", message, options);
}

/** The names, codes and messages of an error and its causes. */
function readCauses(cause: unknown): string {
  const texts: string[] = [];
  let error: unknown = cause;
  for (let depth = 0; error instanceof Error && depth < MAX_CAUSES; depth++) {
    texts.push(`${error.name} ${(error as { code?: unknown }).code ?? ""} ${error.message}`);
    error = error.cause;
  }
  return texts.join("\n");
}

/** The deadline of `connect` has passed. */
export function describeTimeout(list: ServerList, ms: number, last: unknown): ConnectError {
  const { cause } = last === undefined ? {} : describeFailure(list, last);
  return new ConnectError(
    list.shown,
    "timeout",
    `no server completed the handshake within connectTimeout (${ms} ms)`,
    cause === undefined ? undefined : { cause },
  );
}
