import { createServer, type Socket } from "node:net";

/** The first line of a server that speaks NATS. */
export const INFO =
  'INFO {"server_id":"F","server_name":"fake","version":"2.15.1","proto":1,"headers":true,"max_payload":1048576}\r\n';

/** A TCP server that behaves badly on purpose, and counts who is connected. */
export interface FakeServer extends AsyncDisposable {
  readonly port: number;
  /** How many connections were ever made. */
  readonly accepted: number;
  /** Resolves when as many connections have been made; rejects when that takes longer than five seconds. */
  whenAccepted(count: number): Promise<void>;
  /** Resolves when everyone who connected has gone; rejects when that takes longer than five seconds. */
  everyoneLeft(): Promise<void>;
}

/** Starts a server that does `behave` with each socket. */
export async function startFakeServer(behave: (socket: Socket) => void): Promise<FakeServer> {
  const open = new Set<Socket>();
  let accepted = 0;
  const waiting = new Set<() => void>();
  const check = () => waiting.forEach((recheck) => recheck());
  const server = createServer((socket) => {
    accepted++;
    open.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => {
      open.delete(socket);
      check();
    });
    // A socket that nobody reads never notices its end.
    socket.resume();
    behave(socket);
    check();
  });
  const until = (isSo: () => boolean, explain: () => string) =>
    new Promise<void>((resolve, reject) => {
      const timer = setTimeout(
        () => settle(() => reject(new Error(`${explain()} after 5 s`))),
        5_000,
      );
      const settle = (end: () => void) => {
        clearTimeout(timer);
        waiting.delete(recheck);
        end();
      };
      const recheck = () => {
        if (isSo()) settle(resolve);
      };
      waiting.add(recheck);
      recheck();
    });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as { port: number }).port,
    get accepted() {
      return accepted;
    },
    whenAccepted: (count) =>
      until(() => accepted >= count, () => `${accepted} connected, not ${count}`),
    everyoneLeft: () => until(() => open.size === 0, () => `${open.size} are still connected`),
    [Symbol.asyncDispose]: async () => {
      for (const socket of open) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
