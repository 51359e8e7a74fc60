import type { NatsConnection } from "@nats-io/nats-core";

/** Starts listening at once, and resolves when the connection reports a status; rejects after 20 seconds without. */
export function whenStatus(nc: NatsConnection, type: string): Promise<void> {
  const statuses = nc.status();
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no ${type} within 20 s`)), 20_000);
    (async () => {
      for await (const status of statuses) {
        if (status.type !== type) continue;
        clearTimeout(timer);
        return resolve();
      }
      clearTimeout(timer);
      reject(new Error(`the connection closed before ${type}`));
    })();
  });
}
