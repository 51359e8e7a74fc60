import { createServer } from "node:net";

/**
 * Where ports are chosen from: above the registered services that people run, and below the range from which Linux,
 * macOS and Windows pick the local ports of outgoing connections. A client that keeps dialling a server which is down
 * can therefore never take its port.
 */
const FIRST_PORT = 20_000;
const LAST_PORT = 32_767;

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen({ port, host: "127.0.0.1", exclusive: true }, () => {
      probe.close(() => resolve(true));
    });
  });
}

/**
 * Picks loopback ports that nothing listens on right now. Another process may take one before the caller does: whoever
 * binds them tries again with others on "address already in use".
 */
export async function pickFreePorts(count: number): Promise<number[]> {
  const picked = new Set<number>();
  for (let attempt = 0; picked.size < count; attempt++) {
    if (attempt > 1_000) {
      throw new Error(`found ${picked.size} free loopback ports, wanted ${count}`);
    }
    const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT + 1));
    if (!picked.has(port) && await isFree(port)) picked.add(port);
  }
  return [...picked];
}
