import { describe } from "../_require.ts";
import type { ConnectOptions } from "./connect_options.ts";
import type { UserInfo } from "./_servers.ts";

/** What is sent to the server to log in: fields of the protocol's CONNECT message. */
export type Credentials = { auth_token: string } | { user: string; pass: string };

/** Produces what to log in with, called before every attempt to connect. */
export type Login = () => Credentials | Promise<Credentials>;

/** Reads one way to log in: `undefined` when it was not chosen, an error when it was chosen by halves. */
type Method = (options: ConnectOptions, userInfo: UserInfo | undefined) => Login | undefined;

/** In order of precedence. Every method is read, so that an incomplete one is refused even behind a complete one. */
const METHODS: readonly Method[] = [readToken, readUserAndPassword, readUserInfo];

/** Finds the way to log in: the first complete one, or `undefined` where none was chosen. */
export function readLogin(
  options: ConnectOptions,
  userInfo: UserInfo | undefined,
): Login | undefined {
  return METHODS.map((method) => method(options, userInfo)).find((login) => login !== undefined);
}

function readToken({ token }: ConnectOptions): Login | undefined {
  if (token === undefined) return undefined;
  if (typeof token !== "function") {
    const auth_token = checkToken(token, "token");
    return () => ({ auth_token });
  }
  return async () => ({ auth_token: checkToken(await token(), "the result of token()") });
}

function readUserAndPassword({ user, password }: ConnectOptions): Login | undefined {
  if (user === undefined && password === undefined) return undefined;
  if (password === undefined) {
    throw new TypeError("connect: user is given without password, wanted are both");
  }
  if (user === undefined) {
    throw new TypeError("connect: password is given without user, wanted are both");
  }
  if (typeof user !== "string" || user === "") {
    throw new TypeError(
      `connect: user is ${describeText(user)}, wanted is a string that is not empty`,
    );
  }
  if (typeof password !== "string") {
    throw new TypeError(`connect: password is ${describe(password)}, wanted is a string`);
  }
  return () => ({ user, pass: password });
}

function readUserInfo(_options: ConnectOptions, userInfo: UserInfo | undefined): Login | undefined {
  if (userInfo === undefined) return undefined;
  return "token" in userInfo
    ? () => ({ auth_token: userInfo.token })
    : () => ({ user: userInfo.user, pass: userInfo.password });
}

function describeText(value: unknown): string {
  return value === "" ? "an empty string" : describe(value);
}

function checkToken(token: unknown, field: string): string {
  if (typeof token !== "string" || token === "") {
    throw new TypeError(
      `connect: ${field} is ${describeText(token)}, wanted is a string that is not empty`,
    );
  }
  return token;
}
