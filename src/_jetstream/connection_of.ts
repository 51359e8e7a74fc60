/**
 * The connection under a JetStream client.
 *
 * @module
 */
import type { JetStreamClient } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/nats-core";

/** What the official implementation has beyond its public type. */
interface Inside {
  nc?: Partial<NatsConnection>;
  getConnection?: () => Partial<NatsConnection>;
}

/**
 * The connection that a JetStream client publishes over.
 *
 * @throws {TypeError} `js` is no client of `@nats-io/jetstream`, or one that does not tell.
 */
export function connectionOf(js: JetStreamClient): NatsConnection {
  const inside = js as unknown as Inside | null | undefined;
  const nc = inside?.nc ??
    (typeof inside?.getConnection === "function" ? inside.getConnection() : undefined);
  if (typeof nc?.isClosed !== "function") {
    throw new TypeError(
      "the JetStream client does not give its connection; wanted is what jetstream(nc) of @nats-io/jetstream returns",
    );
  }
  return nc as NatsConnection;
}
