/** A JetStream client whose every publish the test answers itself. */
import type { JetStreamClient, JetStreamPublishOptions, PubAck } from "@nats-io/jetstream";

/** One call of `publish` that waits for its answer. */
export interface FakePublish {
  subject: string;
  data: Uint8Array;
  options: Partial<JetStreamPublishOptions>;
  ack(ack?: Partial<PubAck>): void;
  refuse(error: Error): void;
}

/** A client with the publishes it was asked for, in order. */
export class FakeClient {
  readonly published: FakePublish[] = [];
  readonly nc: {
    closed: boolean;
    info: { server_id: string; client_id: number } | undefined;
    isClosed(): boolean;
  } = {
    closed: false,
    info: { server_id: "S", client_id: 1 },
    isClosed() {
      return this.closed;
    },
  };
  #wake: (() => void) | undefined;

  get js(): JetStreamClient {
    return this as unknown as JetStreamClient;
  }

  publish(
    subject: string,
    data: Uint8Array,
    options: Partial<JetStreamPublishOptions>,
  ): Promise<PubAck> {
    return new Promise((resolve, reject) => {
      this.published.push({
        subject,
        data,
        options,
        ack: (ack) => resolve({ stream: "S", seq: 1, duplicate: false, ...ack }),
        refuse: reject,
      });
      this.#wake?.();
    });
  }

  /** The publish number `index` from 0; waits until it was made. */
  async at(index: number): Promise<FakePublish> {
    const deadline = AbortSignal.timeout(10_000);
    while (this.published.length <= index) {
      await new Promise<void>((resolve, reject) => {
        this.#wake = resolve;
        deadline.addEventListener(
          "abort",
          () =>
            reject(
              new Error(`publish ${index} was never made, ${this.published.length} were`),
            ),
        );
      });
    }
    return this.published[index]!;
  }
}

/** An error as upstream makes them: recognised by its name. */
export function named(name: string, fields: Record<string, unknown> = {}, cause?: Error): Error {
  return Object.assign(new Error(name, { cause }), { name, ...fields });
}

/** What the server answers when the stream's queue is full. */
export function tooMany(): Error {
  return named("JetStreamApiError", { status: 429, code: 10167 });
}

/** Lets everything run that is ready to. */
export function breathe(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
