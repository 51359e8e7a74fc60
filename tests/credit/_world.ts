/**
 * A world in virtual time: a clock, and a network that loses, repeats and delays as a seed says.
 *
 * @module
 */
import type { Timers } from "../../src/chunked/_intake/timers.ts";

/** Repeatable random numbers (mulberry32). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /** At least 0, below 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** A whole number, both ends included. */
  int(min: number, max: number): number {
    return min + Math.floor(this.next() * (max - min + 1));
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.int(0, items.length - 1)]!;
  }
}

interface Event {
  readonly at: number;
  readonly order: number;
  readonly call: () => void;
  cancelled: boolean;
}

/** A clock that moves from event to event. */
export class World {
  #now = 0;
  #order = 0;
  /** A binary heap, the next event on top. */
  readonly #events: Event[] = [];

  get now(): number {
    return this.#now;
  }

  /** Calls at a moment; returns how to cancel. */
  at(at: number, call: () => void): () => void {
    const event = { at: Math.max(at, this.#now), order: this.#order++, call, cancelled: false };
    const heap = this.#events;
    let place = heap.push(event) - 1;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!isBefore(event, heap[parent]!)) break;
      heap[place] = heap[parent]!;
      place = parent;
    }
    heap[place] = event;
    return () => void (event.cancelled = true);
  }

  /** Timers of a process that can be killed. */
  timers(isAlive: () => boolean): Timers {
    const after = (ms: number, call: () => void): () => void =>
      this.at(this.#now + ms, () => isAlive() && call());
    return {
      now: () => this.#now,
      after,
      every: (ms, call) => {
        let cancel = (): void => {};
        const again = (): void => {
          cancel = after(ms, () => (again(), call()));
        };
        again();
        return () => cancel();
      },
    };
  }

  /** Runs until `isDone`, or until the time is over; returns whether it was done. */
  run(until: number, isDone: () => boolean): boolean {
    while (!isDone()) {
      const event = this.#events[0];
      if (!event || event.at > until) return false;
      this.#pop();
      if (event.cancelled) continue;
      this.#now = event.at;
      event.call();
    }
    return true;
  }

  #pop(): void {
    const heap = this.#events;
    const last = heap.pop();
    if (!last || heap.length === 0) return;
    let place = 0;
    for (;;) {
      let child = place * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[place] = heap[child]!;
      place = child;
    }
    heap[place] = last;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/** What a network does to messages. Probabilities, and milliseconds. */
export interface Weather {
  readonly loss: number;
  readonly repeats: number;
  readonly latency: number;
  /** From this moment on nothing is lost or repeated any more. */
  readonly clearsAt: number;
  /** A chunk is lost so often at most on its way to one client. */
  readonly mostLosses: number;
}

/** One end of the network. */
export class Client {
  isUp = true;
  /** Bytes on their way to it, first copies only. */
  inbound = 0;
  /** Changes with each disconnect: what was on its way then is gone. */
  epoch = 0;
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

/** Carries messages between clients, in order from each to each. */
export class Network {
  readonly #world: World;
  readonly #random: Random;
  readonly #weather: Weather;
  readonly #lastArrival = new Map<string, number>();
  readonly #losses = new Map<string, number>();

  constructor(world: World, random: Random, weather: Weather) {
    this.#world = world;
    this.#random = random;
    this.#weather = weather;
  }

  /**
   * Sends a message of `size` bytes.
   *
   * @param key What it is, for counting how often it was lost.
   * @returns Whether it is on its way. `onGone` is called when its first copy arrives or is dropped.
   */
  send(
    from: Client,
    to: Client,
    { size = 0, key = "", arrive, onGone = () => {} }: {
      size?: number;
      key?: string;
      arrive: () => void;
      onGone?: () => void;
    },
  ): boolean {
    if (!from.isUp || !to.isUp || this.#isLost(`${to.name} ${key}`)) return false;
    const copies = this.#isRough && this.#random.chance(this.#weather.repeats) ? 2 : 1;
    to.inbound += size;
    const [fromEpoch, toEpoch] = [from.epoch, to.epoch];
    for (let copy = 0; copy < copies; copy++) {
      const link = `${from.name} ${to.name}`;
      const at = Math.max(
        this.#world.now + this.#random.next() * this.#weather.latency,
        this.#lastArrival.get(link) ?? 0,
      );
      this.#lastArrival.set(link, at);
      this.#world.at(at, () => {
        if (copy === 0) {
          to.inbound -= size;
          onGone();
        }
        if (from.epoch === fromEpoch && to.epoch === toEpoch) arrive();
      });
    }
    return true;
  }

  get #isRough(): boolean {
    return this.#world.now < this.#weather.clearsAt;
  }

  #isLost(key: string): boolean {
    if (!this.#isRough || !this.#random.chance(this.#weather.loss)) return false;
    const losses = (this.#losses.get(key) ?? 0) + 1;
    this.#losses.set(key, losses);
    return losses <= this.#weather.mostLosses;
  }
}
