import { connect } from "node:net";

/** What a server says of itself in its first line, as far as a start needs it. */
export interface ServerInfo {
  server_name: string;
  version: string;
  max_payload: number;
  jetstream?: boolean;
}

/** How long one probe may take, in milliseconds; the caller repeats probes until its own deadline. */
const PROBE_TIMEOUT = 1_000;

/** Connects, sends `request`, and gives back what came in once `enough` says so or the peer closed. */
function exchange(
  port: number,
  request: string,
  enough: (received: string) => boolean,
): Promise<string> {
  return new Promise((resolve, reject) => {
    let received = "";
    const socket = connect({ port, host: "127.0.0.1" });
    const finish = (error?: Error): void => {
      clearTimeout(timer);
      socket.destroy();
      if (error) reject(error);
      else resolve(received);
    };
    const timer = setTimeout(
      () => finish(new Error(`no answer on port ${port} within ${PROBE_TIMEOUT} ms`)),
      PROBE_TIMEOUT,
    );
    socket.setEncoding("utf8");
    socket.on("connect", () => {
      if (request !== "") socket.write(request);
    });
    socket.on("data", (text) => {
      received += text;
      if (enough(received)) finish();
    });
    socket.on("error", (error) => finish(error));
    socket.on("close", () => finish());
  });
}

/** Connects to a NATS port and reads the INFO line that every server opens with. */
export async function readServerInfo(port: number): Promise<ServerInfo> {
  const line = await exchange(port, "", (received) => received.includes("\r\n"));
  const found = /^INFO (\{.*\})\s*\r\n/.exec(line);
  if (!found) throw new Error(`port ${port} did not open with an INFO line`);
  return JSON.parse(found[1]!) as ServerInfo;
}

/**
 * Asks a server's monitoring port and gives back the status and the body. A plain socket, because `fetch` follows the
 * proxy settings of the environment on some runtimes.
 */
export async function askMonitor(
  port: number,
  path: string,
): Promise<{ status: number; body: string }> {
  const answer = await exchange(port, `GET ${path} HTTP/1.0\r\n\r\n`, () => false);
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(answer)?.[1];
  if (status === undefined) throw new Error(`port ${port} did not answer ${path} with HTTP`);
  return { status: Number(status), body: answer.slice(answer.indexOf("\r\n\r\n") + 4) };
}
