/** The real machines of both sides, with a network in between that loses, repeats, delays and reorders. */
import { test } from "node:test";
import type { Msg, MsgHdrs } from "@nats-io/nats-core";
import { assert, assertEquals } from "@std/assert";
import { Budget } from "../../src/_budget.ts";
import { CoreReception } from "../../src/chunked/_receive/core_reception.ts";
import { checkReceiveOptions } from "../../src/chunked/receive_options.ts";
import type { ReceiveChunkedOptions } from "../../src/chunked/receive_options.ts";
import type { RejectedEvent } from "../../src/chunked/rejected_event.ts";
import { Broker, planUpload, type ReceiverActor, SenderActor } from "../credit/_actors.ts";
import { rough } from "../credit/_scene.ts";
import { Client, Network, Random, type Weather, World } from "../credit/_world.ts";
import { startHash } from "./_chunks.ts";

/** A receiver whose handlers take `pace()` milliseconds for each chunk. */
class StreamingActor {
  readonly client: Client;
  readonly inbound: Budget;
  readonly events: RejectedEvent[] = [];
  readonly delivered: { uploadId: string; data: number[] }[] = [];
  isAlive = true;
  most = 0;
  life = 0;
  readonly #scene: Scene;
  readonly #options: ReceiveChunkedOptions;
  readonly #pace: () => number;
  #reception: CoreReception;

  constructor(
    scene: Scene,
    { inbound, pace, ...options }: ReceiveChunkedOptions & { inbound: number; pace: () => number },
  ) {
    this.client = new Client(`receiver-${scene.broker.receivers.length}`);
    this.inbound = new Budget(inbound);
    this.#scene = scene;
    this.#options = options;
    this.#pace = pace;
    this.#reception = this.#start();
    scene.broker.receivers.push(this as unknown as ReceiverActor);
  }

  crash(): void {
    this.isAlive = false;
    this.life++;
    this.client.epoch++;
    this.#reception.close();
    this.inbound.adjust(-this.inbound.used);
  }

  restart(): void {
    this.isAlive = true;
    this.#reception = this.#start();
  }

  take({ headers, data, reply }: { headers: MsgHdrs; data: Uint8Array; reply: string }): void {
    const { life } = this;
    const respond = (_data: unknown, options: { headers: MsgHdrs }): boolean => {
      if (this.life === life) {
        this.#scene.broker.respond(this as unknown as ReceiverActor, reply, options.headers);
      }
      return true;
    };
    const message = { subject: "uploads", headers, data, reply, respond } as unknown as Msg;
    this.#reception.push(message);
    this.most = Math.max(this.most, this.inbound.used);
  }

  #start(): CoreReception {
    const { life } = this;
    const { world } = this.#scene;
    return new CoreReception(
      async (stream, { uploadId }) => {
        const data: number[] = [];
        for await (const chunk of stream) {
          data.push(...chunk);
          const ms = this.#pace();
          if (ms > 0) {
            await new Promise<void>((resolve) => void world.at(world.now + ms, resolve));
          }
        }
        if (this.life === life) this.delivered.push({ uploadId, data });
      },
      checkReceiveOptions("subject", {
        ...this.#options,
        onRejected: (event) => void this.events.push(event),
      }),
      {
        startHash,
        inbound: this.inbound,
        timers: world.timers(() => this.life === life),
      },
    );
  }
}

/** One run. */
class Scene {
  readonly world: World = new World();
  readonly random: Random;
  readonly broker: Broker;
  readonly senders: SenderActor[] = [];

  constructor(seed: number, weather: Partial<Weather>) {
    this.random = new Random(seed);
    const clear = { loss: 0, repeats: 0, latency: 20, clearsAt: 0, mostLosses: 0 };
    const network = new Network(this.world, this.random, { ...clear, ...weather });
    this.broker = new Broker(network, this.random);
  }

  sender(chunkSize: number, chunks: number): SenderActor {
    const size = this.random.int((chunks - 1) * chunkSize + 1, chunks * chunkSize);
    const sender = new SenderActor(this.world, this.broker, {
      name: `sender-${this.senders.length}`,
      plan: planUpload(this.random, size, chunkSize),
      window: this.random.pick([1, chunkSize * 3, 1_000_000]),
    });
    this.senders.push(sender);
    return sender;
  }

  /** Runs event by event, with the handlers in between, until every sender has ended. */
  async run(within = 300_000): Promise<void> {
    const isDone = (): boolean => this.senders.every(({ outcome }) => outcome !== undefined);
    for (let idle = 0; !isDone() && idle < 3;) {
      let ran = 0;
      this.world.run(within, () => ran++ > 0);
      for (let step = 0; step < 12; step++) await Promise.resolve();
      if (ran > 1) idle = 0;
      else idle++;
      if (idle > 0) await new Promise((resolve) => setTimeout(resolve, 0));
    }
  }

  /** Every upload was sent, and every receiver that has it has it right, once in each of its lives. */
  expectDelivered(receivers: StreamingActor[]): void {
    for (const { outcome, message, plan } of this.senders) {
      assertEquals(outcome, "done", message);
      const at = receivers.flatMap(({ delivered }) =>
        delivered.filter(({ uploadId }) => uploadId === plan.uploadId)
      );
      const lives = receivers.reduce((sum, { life }) => sum + life + 1, 0);
      assert(at.length > 0 && at.length <= lives, `${at.length} times`);
      for (const { data } of at) assertEquals(data, [...plan.data]);
    }
  }
}

/** Plays for many seeds; a failure names its seed. */
async function forSeeds(count: number, play: (seed: number) => Promise<void>): Promise<void> {
  for (let seed = 1; seed <= count; seed++) {
    try {
      await play(seed);
    } catch (cause) {
      throw new Error(`seed ${seed}: ${(cause as Error).message}`, { cause });
    }
  }
}

test(
  "CoreReception and CreditSender deliver everything when the network loses, repeats and delays",
  { timeout: 60_000 },
  () =>
    forSeeds(150, async (seed) => {
      const scene = new Scene(seed, rough(seed));
      const { random } = scene;
      const inbound = random.int(600, 20_000);
      const slow = random.pick([0, 0, 30, 700]);
      const receiver = new StreamingActor(scene, {
        inbound,
        pace: () => slow,
        maxUploads: random.int(1, 4),
      });
      for (let count = random.int(1, 5); count > 0; count--) {
        scene.sender(random.int(1, 2_000), random.int(1, 12));
      }
      await scene.run();
      scene.expectDelivered([receiver]);
      const sizes = scene.senders.map(({ plan }) => plan.chunkSize);
      // Tiny chunks count for more than was granted for them; besides, one chunk at a time may go beyond the bound.
      const tiny = Math.min(...sizes) < 512 ? inbound : 512 * sizes.length;
      const most = inbound + tiny + Math.max(...sizes);
      assert(receiver.most <= most, `${receiver.most} bytes, at most ${most} may be`);
      assertEquals(receiver.inbound.used, 0);
    }),
);

test("CoreReception and CreditSender deliver everything through disconnects of both sides", {
  timeout: 60_000,
}, () =>
  forSeeds(100, async (seed) => {
    const scene = new Scene(seed, rough(seed));
    const { random, world } = scene;
    const receiver = new StreamingActor(scene, {
      inbound: random.int(2_000, 20_000),
      pace: () => random.pick([0, 5]),
    });
    for (let count = random.int(1, 3); count > 0; count--) {
      const sender = scene.sender(random.int(1, 1_000), random.int(1, 12));
      for (let j = random.int(0, 3), at = random.int(0, 1_000); j > 0; j--) {
        const back = at + random.int(1, 6_000);
        world.at(at, () => sender.disconnect());
        world.at(back, () => sender.reconnect());
        at = back + random.int(1, 2_000);
      }
    }
    for (let j = random.int(0, 2), at = random.int(100, 1_000); j > 0; j--) {
      const back = at + random.int(1, 6_000);
      world.at(at, () => (receiver.client.isUp = false, receiver.client.epoch++));
      world.at(back, () => receiver.client.isUp = true);
      at = back + random.int(1, 2_000);
    }
    await scene.run();
    scene.expectDelivered([receiver]);
  }));

test(
  "CoreReception and CreditSender start again when the receiver does",
  { timeout: 60_000 },
  () =>
    forSeeds(80, async (seed) => {
      const scene = new Scene(seed, { latency: 20 });
      const { random, world } = scene;
      const receiver = new StreamingActor(scene, {
        inbound: 4_000,
        pace: () => random.pick([0, 20]),
      });
      scene.sender(random.int(100, 1_000), random.int(5, 20));
      const at = random.int(1, 400);
      world.at(at, () => receiver.crash());
      world.at(at + random.int(1, 3_000), () => receiver.restart());
      await scene.run();
      scene.expectDelivered([receiver]);
    }),
);

test("CoreReception and CreditSender serve several receivers at the pace of the slowest", {
  timeout: 60_000,
}, () =>
  forSeeds(80, async (seed) => {
    const scene = new Scene(seed, { ...rough(seed), loss: 0.02 });
    const { random } = scene;
    const receivers = Array.from({ length: random.int(2, 3) }, () => {
      const slow = random.pick([0, 40]);
      return new StreamingActor(scene, { inbound: random.int(3_000, 9_000), pace: () => slow });
    });
    scene.sender(random.int(100, 1_000), random.int(1, 12));
    await scene.run();
    scene.expectDelivered(receivers);
  }));
