import { connect, type Socket } from "node:net";

/** The part of transport-node's transport that opens its socket. */
interface SocketTransport {
  dial(server: { hostname: string; port: number }): Promise<Socket>;
}

/**
 * Replaces how transport-node opens its socket: it keeps a socket that is still connecting to itself, and a host that
 * swallows packets would hold the process for the two minutes that the operating system tries.
 */
export function makeAbortable(transport: object, signal: AbortSignal): void {
  (transport as SocketTransport).dial = ({ hostname, port }) =>
    new Promise((resolve, reject) => {
      const socket = connect({ host: hostname, port, noDelay: true });
      const onAbort = () => socket.destroy();
      const settle = () => {
        signal.removeEventListener("abort", onAbort);
        socket.removeAllListeners();
      };
      let failure: Error | undefined;
      socket.once("connect", () => {
        settle();
        resolve(socket);
      });
      socket.once("error", (error) => failure = error);
      socket.once("close", () => {
        settle();
        reject(failure ?? new Error("the socket was closed while it connected"));
      });
      signal.addEventListener("abort", onAbort, { once: true });
      if (signal.aborted) onAbort();
    });
}
