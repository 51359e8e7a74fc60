/**
 * One run of the simulation: who takes part, and what has to hold at its end.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { Broker, planUpload, ReceiverActor, SenderActor, type UploadPlan } from "./_actors.ts";
import { Network, Random, type Weather, World } from "./_world.ts";

const CLEAR: Weather = { loss: 0, repeats: 0, latency: 20, clearsAt: 0, mostLosses: 0 };

/** One run of the simulation. */
export class Scene {
  readonly random: Random;
  readonly world: World = new World();
  readonly broker: Broker;
  readonly senders: SenderActor[] = [];
  readonly #plans = new Map<string, UploadPlan>();

  constructor(seed: number, weather: Partial<Weather> = {}) {
    this.random = new Random(seed);
    const network = new Network(this.world, this.random, { ...CLEAR, ...weather });
    this.broker = new Broker(network, this.random);
  }

  get receivers(): ReceiverActor[] {
    return this.broker.receivers;
  }

  receiver(options: Partial<ConstructorParameters<typeof ReceiverActor>[2]> = {}): ReceiverActor {
    const name = `receiver-${this.receivers.length}`;
    const inbound = this.random.int(100, 2_000);
    return new ReceiverActor(this.world, this.broker, { name, inbound, ...options });
  }

  sender(
    options: Partial<ConstructorParameters<typeof SenderActor>[2]> & {
      chunks?: number;
      chunkSize?: number;
    } = {},
  ): SenderActor {
    const { chunkSize = this.random.int(1, 100), chunks = this.random.int(1, 12) } = options;
    const size = options.chunks === undefined && this.random.chance(0.05)
      ? 0
      : this.random.int((chunks - 1) * chunkSize + 1, chunks * chunkSize);
    const plan = options.plan ?? planUpload(this.random, size, chunkSize);
    const name = `sender-${this.#plans.size}`;
    this.#plans.set(plan.uploadId, plan);
    const window = this.random.pick([1, chunkSize * 2, 1_000_000]);
    const sender = new SenderActor(this.world, this.broker, { name, plan, window, ...options });
    this.senders.push(sender);
    return sender;
  }

  /** Something that happens at a moment. */
  at(ms: number, call: () => void): void {
    this.world.at(ms, call);
  }

  /** Runs until every sender has ended. */
  run(within = 300_000): void {
    const isDone = (): boolean => this.senders.every(({ outcome }) => outcome !== undefined);
    this.world.run(within, isDone);
  }

  /** Throws unless every sender ended in one of these ways, and what was reported is true. */
  expect(...outcomes: string[]): void {
    for (const { outcome, message, client, plan, asks, sent } of this.senders) {
      assert(
        outcome !== undefined && outcomes.includes(outcome),
        `${client.name}: ${outcome} ${message} after ${asks} asks, ${sent} sendings, ${plan.data.length} bytes`,
      );
    }
    this.checkPayloads();
  }

  /** Whatever was delivered is what was sent, and once in each receiver's life. */
  checkPayloads(): void {
    for (const receiver of this.receivers) {
      const seen = new Set<string>();
      for (const { uploadId, data, life } of receiver.delivered) {
        assertEquals([...data], [...this.#plans.get(uploadId)!.data]);
        assert(!seen.has(`${uploadId} ${life}`), "an upload was delivered twice");
        seen.add(`${uploadId} ${life}`);
      }
    }
    for (const sender of this.senders) {
      if (sender.outcome !== "done") continue;
      const at = this.receivers.filter(({ acked }) => acked.includes(sender.plan.uploadId));
      assert(at.length > 0, `${sender.client.name} reports success, but nobody has the upload`);
    }
  }
}

/** Runs a scene for many seeds; a failure names its seed. */
export function forSeeds(count: number, play: (seed: number) => void): void {
  for (let seed = 1; seed <= count; seed++) {
    try {
      play(seed);
    } catch (cause) {
      throw new Error(`seed ${seed}: ${(cause as Error).message}`, { cause });
    }
  }
}

/** Losing, repeating and delaying for a while. */
export function rough(seed: number): Partial<Weather> {
  const random = new Random(seed * 7);
  return {
    loss: random.pick([0, 0.05, 0.3]),
    repeats: random.pick([0, 0.2]),
    latency: random.pick([1, 30, 500]),
    clearsAt: random.int(0, 25_000),
    mostLosses: Infinity,
  };
}
