import type { NatsServerAuth } from "./nats_server.ts";

/** Everything that one server's configuration file says. Paths are absolute, ports are chosen. */
export interface ServerSettings {
  name: string;
  port: number;
  monitorPort: number;
  websocketPort?: number | undefined;
  /** The store folder; none turns JetStream off. */
  storeDir?: string | undefined;
  maxPayload?: number | undefined;
  auth?: NatsServerAuth | undefined;
  cluster?: { name: string; port: number; peers: number[] } | undefined;
  /** Text that is appended as it is. */
  extra?: string | undefined;
}

/** A string as the configuration language quotes it: its escapes are those of JSON, but for `\u`. */
function quote(text: string): string {
  const escapes: Record<string, string> = {
    '"': '\\"',
    "\\": "\\\\",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
  };
  return `"${text.replace(/["\\\n\r\t]/g, (char) => escapes[char]!)}"`;
}

function authorization(auth: NatsServerAuth): string {
  return "token" in auth
    ? `authorization { token: ${quote(auth.token)} }`
    : `authorization { user: ${quote(auth.user)}, password: ${quote(auth.password)} }`;
}

/** Writes the configuration of one server; everything listens on the loopback address alone. */
export function serverConfig(settings: ServerSettings): string {
  const { cluster } = settings;
  return [
    `server_name: ${quote(settings.name)}`,
    `listen: "127.0.0.1:${settings.port}"`,
    `http: "127.0.0.1:${settings.monitorPort}"`,
    settings.maxPayload === undefined ? "" : `max_payload: ${settings.maxPayload}`,
    settings.storeDir === undefined ? "" : `jetstream { store_dir: ${quote(settings.storeDir)} }`,
    settings.websocketPort === undefined
      ? ""
      : `websocket { listen: "127.0.0.1:${settings.websocketPort}", no_tls: true }`,
    settings.auth === undefined ? "" : authorization(settings.auth),
    cluster === undefined
      ? ""
      : `cluster { name: ${quote(cluster.name)}, listen: "127.0.0.1:${cluster.port}", routes: [ ${
        cluster.peers.map((port) => `"nats://127.0.0.1:${port}"`).join(", ")
      } ] }`,
    settings.extra ?? "",
    "",
  ].filter((line, index, lines) => line !== "" || index === lines.length - 1).join("\n");
}
