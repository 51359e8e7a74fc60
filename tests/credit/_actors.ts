/**
 * The senders and receivers of the simulation: the real machines, with a network in between that is none.
 *
 * @module
 */
import type { Msg, MsgHdrs } from "@nats-io/nats-core";
import { Budget } from "../../src/_budget.ts";
import { CreditSender } from "../../src/_credit/sender.ts";
import { CreditHeader, parseCredit, toAsk } from "../../src/_credit/wire.ts";
import { nativeSha256 } from "../../src/_digest.ts";
import { newUploadId } from "../../src/_upload_id.ts";
import { Assembler, type PendingPayload } from "../../src/chunked/_assemble/assembler.ts";
import { type UploadMetadata, writeChunkHeaders } from "../../src/chunked/_format/headers.ts";
import { checkAssemblerOptions } from "../../src/chunked/assembler_options.ts";
import type { AssemblerOptions } from "../../src/chunked/assembler_options.ts";
import type { RejectedEvent } from "../../src/chunked/rejected_event.ts";
import { Client, type Network, type Random, type World } from "./_world.ts";

const startHash = nativeSha256()!;

/** What an upload consists of. */
export interface UploadPlan {
  readonly uploadId: string;
  readonly chunkSize: number;
  readonly data: Uint8Array;
}

/** Some bytes that tell uploads apart. */
export function planUpload(random: Random, totalSize: number, chunkSize: number): UploadPlan {
  const data = new Uint8Array(totalSize);
  for (let i = 0; i < totalSize; i++) data[i] = random.int(0, 255);
  return { uploadId: newUploadId(), chunkSize, data };
}

/** A subject with its subscribers, and the inboxes of senders. */
export class Broker {
  readonly network: Network;
  readonly #random: Random;
  receivers: ReceiverActor[] = [];
  /**
   * Whether windows are checked on the wire. Where something is lost, or where there are several receivers, chunks are
   * sent again that some receiver has, without the sender's knowing.
   */
  isStrict = false;
  /** Whether only one of the receivers gets each message. */
  isQueueGroup = false;
  readonly #inboxes = new Map<string, SenderActor>();

  constructor(network: Network, random: Random) {
    this.network = network;
    this.#random = random;
  }

  connect(inbox: string, sender: SenderActor): void {
    this.#inboxes.set(inbox, sender);
  }

  /** A chunk or an ask. */
  publish(
    from: Client,
    message: { headers: MsgHdrs; data: Uint8Array; reply: string; key?: string },
    count: (receiver: ReceiverActor, bytes: number) => void = () => {},
  ): void {
    if (!from.isUp) return;
    const listeners = this.receivers.filter((receiver) => receiver.isAlive && receiver.client.isUp);
    const sender = this.#inboxes.get(message.reply);
    if (listeners.length === 0 && sender) {
      this.network.send(from, sender.client, { arrive: () => sender.onNoResponders() });
    }
    const size = message.data.length;
    for (const receiver of this.isQueueGroup ? [this.#random.pick(listeners)] : listeners) {
      const wasSent = this.network.send(from, receiver.client, {
        size,
        key: message.key ?? "",
        arrive: () => receiver.take(message),
        onGone: () => count(receiver, -size),
      });
      if (wasSent) count(receiver, size);
    }
  }

  /** A credit. */
  respond(from: ReceiverActor, inbox: string, headers: MsgHdrs): void {
    const sender = this.#inboxes.get(inbox);
    if (!sender) return;
    this.network.send(from.client, sender.client, {
      arrive: () => sender.onCredit(headers, from),
    });
  }
}

/** A receiver and the application behind it. */
export class ReceiverActor {
  readonly client: Client;
  readonly inbound: Budget;
  readonly #world: World;
  readonly #broker: Broker;
  readonly #options: AssemblerOptions;
  /** How long the application works on a payload; `undefined` where it never settles it. */
  readonly #handle: (payload: PendingPayload) => number | undefined | "nak";
  #assembler: Assembler;
  /** The payloads, by upload, in each life. */
  readonly delivered: { uploadId: string; data: Uint8Array; life: number }[] = [];
  readonly acked: string[] = [];
  readonly events: RejectedEvent[] = [];
  life = 0;
  isAlive = true;
  /** Whether it is no natskit, and sends no credit. */
  isMute = false;

  constructor(
    world: World,
    broker: Broker,
    { name, inbound, options = {}, handle = () => 0 }: {
      name: string;
      inbound: number;
      options?: AssemblerOptions;
      handle?: (payload: PendingPayload) => number | undefined | "nak";
    },
  ) {
    this.client = new Client(name);
    this.inbound = new Budget(inbound);
    this.#world = world;
    this.#broker = broker;
    this.#options = { ...options, onRejected: (event) => this.events.push(event) };
    this.#handle = handle;
    this.#assembler = this.#start();
    broker.receivers.push(this);
  }

  /** The process is killed: nothing of it is left. */
  crash(): void {
    this.isAlive = false;
    this.life++;
    this.client.epoch++;
    this.inbound.adjust(-this.inbound.used);
  }

  /** Another process takes its place. */
  restart(): void {
    this.isAlive = true;
    this.#assembler = this.#start();
  }

  /** The application leaves its loop. */
  close(): void {
    this.#assembler.close();
    this.isAlive = false;
  }

  take({ headers, data, reply }: { headers: MsgHdrs; data: Uint8Array; reply: string }): void {
    if (!this.isAlive) return;
    const { life } = this;
    const respond = (_data: unknown, options: { headers: MsgHdrs }): boolean => {
      if (this.life === life && !this.isMute) this.#broker.respond(this, reply, options.headers);
      return true;
    };
    const message = { subject: "uploads", headers, data, reply, respond } as unknown as Msg;
    const result = this.#assembler.push(message);
    if (result.type !== "complete") return;
    const payload = result.payload as PendingPayload;
    this.delivered.push({ uploadId: payload.uploadId, data: payload.data, life });
    const work = this.#handle(payload);
    if (work === undefined) return;
    if (work === "nak") return payload.nak();
    this.#world.at(this.#world.now + work, () => {
      if (this.life !== life || !this.isAlive) return;
      this.acked.push(payload.uploadId);
      void payload.ack();
    });
  }

  #start(): Assembler {
    const { life } = this;
    const timers = this.#world.timers(() => this.life === life);
    return new Assembler(checkAssemblerOptions(this.#options), startHash, {
      inbound: this.inbound,
      timers,
    });
  }
}

/** A sender. */
export class SenderActor {
  readonly client: Client;
  readonly plan: UploadPlan;
  readonly inbox: string;
  readonly #world: World;
  readonly #broker: Broker;
  readonly #machine: CreditSender;
  readonly #metadata: UploadMetadata;
  readonly #window: number;
  readonly #readTime: () => number;
  #cancelWake: () => void = () => {};
  #isReading = false;
  /** Whether it asks and takes what is granted, but sends no chunk. */
  sendsNothing = false;
  /** Bytes on their way from here, by receiver. */
  readonly #onWire = new Map<ReceiverActor, number>();
  readonly #granted = new Map<ReceiverActor, number>();
  /** The receivers that it has heard crediting chunk 0. */
  readonly begun: Set<ReceiverActor> = new Set();
  isStopped = false;
  sent = 0;
  asks = 0;
  /** `done`, or why it failed. */
  outcome: string | undefined;
  message = "";
  endedAt = 0;

  constructor(
    world: World,
    broker: Broker,
    { name, plan, window = 1_000_000, timeout = 30_000, restartable = true, readTime = () => 0 }: {
      name: string;
      plan: UploadPlan;
      window?: number;
      timeout?: number;
      restartable?: boolean;
      readTime?: () => number;
    },
  ) {
    this.client = new Client(name);
    this.plan = plan;
    this.inbox = `_INBOX.${name}`;
    this.#world = world;
    this.#broker = broker;
    this.#window = window;
    this.#readTime = readTime;
    const totalSize = plan.data.length;
    const chunkCount = Math.max(1, Math.ceil(totalSize / plan.chunkSize));
    const names = { filename: undefined, contentType: undefined };
    this.#metadata = { uploadId: plan.uploadId, chunkCount, totalSize, ...names };
    const sizeOf = (index: number): number => this.#bytes(index).length;
    const options = { chunkCount, sizeOf, window, timeout, restartable };
    this.#machine = new CreditSender(options, world.now);
    broker.connect(this.inbox, this);
    world.at(world.now, () => this.#run());
  }

  /** The process stands still from now on. */
  stop(): void {
    this.isStopped = true;
  }

  /** Goes on after {@linkcode SenderActor.stop}. */
  resume(): void {
    this.isStopped = false;
    this.#run();
  }

  disconnect(): void {
    this.client.isUp = false;
    this.client.epoch++;
    this.#machine.onDisconnect();
  }

  reconnect(): void {
    this.client.isUp = true;
    this.#machine.onReconnect();
    this.#run();
  }

  onCredit(headers: MsgHdrs, from: ReceiverActor): void {
    const credit = parseCredit(headers)!;
    this.#granted.set(from, credit.window);
    if (credit.next > 0 && this.outcome === undefined) this.begun.add(from);
    this.#machine.onCredit(credit, this.#world.now);
    this.#run();
  }

  onNoResponders(): void {
    this.#machine.onNoResponders();
    this.#run();
  }

  onStored(stream: string): void {
    this.#machine.onStored(stream);
  }

  #bytes(index: number): Uint8Array {
    const { data, chunkSize } = this.plan;
    return data.subarray(index * chunkSize, (index + 1) * chunkSize);
  }

  #run(): void {
    while (this.outcome === undefined && !this.#isReading && !this.isStopped) {
      this.#cancelWake();
      const action = this.#machine.next(this.#world.now);
      switch (action.type) {
        case "wait": {
          const { until } = action;
          if (!(until > this.#world.now)) throw new Error(`waits until ${until}, which is past`);
          if (until < Infinity) this.#cancelWake = this.#world.at(until, () => this.#run());
          return;
        }
        case "ask":
          this.asks++;
          if (!this.client.isUp) throw new Error("asked while disconnected");
          this.#publish(toAsk(this.#headers(0), action.ask), new Uint8Array(0));
          break;
        case "send":
          if (this.sendsNothing) break;
          this.#read(action.index);
          break;
        case "done":
          this.#end("done");
          break;
        case "fail":
          this.message = action.failure.message;
          this.#end(action.failure.reason);
      }
    }
  }

  #end(outcome: string): void {
    this.outcome = outcome;
    this.endedAt = this.#world.now;
  }

  #read(index: number): void {
    const time = this.#readTime();
    const publish = (): void =>
      this.#publish(this.#headers(index), this.#bytes(index), `${this.plan.uploadId} ${index}`);
    this.sent++;
    if (time === 0) return publish();
    this.#isReading = true;
    this.#world.at(this.#world.now + time, () => {
      this.#isReading = false;
      publish();
      this.#run();
    });
  }

  #headers(index: number): MsgHdrs {
    const headers = writeChunkHeaders(this.#metadata, index);
    headers.set(CreditHeader.credit, "1");
    return headers;
  }

  #publish(headers: MsgHdrs, data: Uint8Array, key = ""): void {
    this.#broker.publish(this.client, { headers, data, reply: this.inbox, key }, (to, bytes) => {
      const onWire = (this.#onWire.get(to) ?? 0) + bytes;
      this.#onWire.set(to, onWire);
      if (bytes > 0) this.#checkWindow(to, onWire, bytes);
    });
  }

  /** What is on the wire never passes what was granted, or is one chunk alone. */
  #checkWindow(to: ReceiverActor, onWire: number, bytes: number): void {
    const granted = this.#granted.get(to);
    if (!this.#broker.isStrict) return;
    if (granted === undefined || onWire === bytes) return;
    if (onWire > Math.min(granted, this.#window)) {
      throw new Error(
        `${onWire} bytes on the wire, granted were ${granted}, own window ${this.#window}`,
      );
    }
  }
}
