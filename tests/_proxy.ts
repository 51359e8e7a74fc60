/**
 * A TCP proxy that makes a network out of the loopback: slow, narrow, and cut off now and then.
 *
 * @module
 */
import { connect, createServer, type Socket } from "node:net";

/** A running proxy. */
export interface Proxy extends AsyncDisposable {
  /** Where clients connect, as `nats://127.0.0.1:<port>`. */
  readonly url: string;
  /** How many connections are open now. */
  readonly connections: number;
  /** How many were accepted so far. */
  readonly accepted: number;
  /** Cuts all connections off, as a network that fails does; what is under way is lost. */
  cut(): void;
}

/** What the network is like. */
export interface ProxyOptions {
  /** How long bytes take, each way, in milliseconds; none by default. */
  delay?: number;
  /** The most bytes a second, each way and for each connection; unlimited by default. */
  rate?: number;
}

/** What is on its way at most; then the sender has to wait. */
const MOST_UNDER_WAY = 64 * 1024 * 1024;
/** And beyond what the delay itself holds, where the rate is what makes them wait. */
const MOST_QUEUED = 1024 * 1024;

/**
 * Starts a proxy in this process.
 *
 * @param port Where it leads, on the loopback address.
 * @param options What the network is like.
 */
export async function startProxy(port: number, options: ProxyOptions = {}): Promise<Proxy> {
  const pairs = new Set<readonly [Socket, Socket]>();
  let accepted = 0;
  const server = createServer((client) => {
    accepted++;
    const target = connect(port, "127.0.0.1");
    const pair = [client, target] as const;
    pairs.add(pair);
    const end = (): void => {
      pairs.delete(pair);
      client.destroy();
      target.destroy();
    };
    for (const socket of pair) {
      socket.setNoDelay(true);
      socket.on("error", end);
      socket.on("close", end);
    }
    carry(client, target, options);
    carry(target, client, options);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port: own } = server.address() as { port: number };
  const cut = (): void => {
    for (const [client, target] of [...pairs]) {
      client.destroy();
      target.destroy();
    }
  };
  return {
    url: `nats://127.0.0.1:${own}`,
    get connections() {
      return pairs.size;
    },
    get accepted() {
      return accepted;
    },
    cut,
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      cut();
      await closed;
    },
  };
}

/** Carries the bytes of one direction, in order. */
function carry(from: Socket, to: Socket, { delay = 0, rate = Infinity }: ProxyOptions): void {
  const most = rate === Infinity ? MOST_UNDER_WAY : MOST_QUEUED + rate * delay / 1_000;
  const queue: { data: Uint8Array; due: number }[] = [];
  let queued = 0;
  let freeAt = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const deliver = (): void => {
    timer = undefined;
    const now = performance.now();
    for (let first = queue[0]; first && first.due <= now; first = queue[0]) {
      queue.shift();
      queued -= first.data.length;
      if (!to.destroyed) to.write(first.data);
    }
    if (queued < most && from.isPaused()) from.resume();
    if (queue[0] && !to.destroyed) timer = setTimeout(deliver, queue[0].due - now);
  };
  from.on("data", (data) => {
    const now = performance.now();
    freeAt = Math.max(freeAt, now) + data.length / rate * 1_000;
    queue.push({ data: data as Uint8Array, due: freeAt + delay });
    queued += data.length;
    if (queued >= most) from.pause();
    timer ??= setTimeout(deliver, queue[0]!.due - now);
  });
  from.on("close", () => clearTimeout(timer));
}
