/**
 * The sender's side of the credit protocol (PROTOCOL 4): events and the time go in, actions come out. No clock and no
 * I/O, so that a simulation can lose, repeat, delay and reorder everything.
 *
 * @module
 */
import * as failures from "./_failures.ts";
import type { Failure } from "./_failures.ts";
import { Flight } from "./_flight.ts";
import { createReceiver, hasTaken, type Receiver, takenCount, update } from "./_receiver_view.ts";
import type { Credit } from "./wire.ts";

/** What the machine is told about the upload. */
export interface CreditSenderOptions {
  readonly chunkCount: number;
  readonly sizeOf: (index: number) => number;
  /** Bytes that the sender itself wants in flight at most. */
  readonly window: number;
  /** The longest time without progress, in milliseconds. */
  readonly timeout: number;
  /** Whether the source can be read from byte 0 again. */
  readonly restartable: boolean;
}

/** What the driver is to do next. */
export type SenderAction =
  | { readonly type: "ask"; readonly ask: number }
  | { readonly type: "send"; readonly index: number }
  | { readonly type: "wait"; readonly until: number }
  | { readonly type: "done" }
  | { readonly type: "fail"; readonly failure: Failure };

/** After so long without credit, or without anything to do, the sender asks again. */
const ASK_AFTER_MS = 2_000;
/** The first word of all waits so long for that of others: a refusal for a receiver that accepts, success for more. */
const GRACE_MS = 250;
/** A chunk that one receiver misses after so many sendings, while another has it, tells of a queue group. */
const SENDINGS_BEFORE_QUEUE_GROUP = 3;
/** Nobody counts as silent before so many asks were left without an answer: time alone may have passed for us only. */
const UNANSWERED_ASKS = 2;
/** The same, where it may be a queue group that gives the asks to others: who has a part may be one of its members. */
const UNANSWERED_IN_DOUBT = 6;
/** More ids than this on the reply subject are ignored: nobody has so many plain receivers. */
const MOST_RECEIVERS = 1_000;

/** One upload's sender. Call {@linkcode CreditSender.next} until it waits, and again after each event or in time. */
export class CreditSender {
  readonly #options: CreditSenderOptions;
  readonly #askAfter: number;
  readonly #startedAt: number;
  readonly #receivers = new Map<string, Receiver>();
  /** Those who credited chunk 0: they set the pace, and all of them must complete. */
  #pace: Receiver[] = [];
  readonly #flight: Flight;
  /** Every chunk below it is taken over or in flight. */
  #fresh = 0;
  #sentAny = false;
  /** How many asks had been sent when chunk 0 was sent last. */
  #asksBeforeStart = Infinity;
  /** And when any chunk was. */
  #asksBeforeLast = 0;
  /** How often each chunk was lost. */
  readonly #losses = new Map<number, number>();
  #asks = 0;
  #askDue = true;
  /** The ask that has to be answered before anything more is sent. Its answer tells what became of all before it. */
  #barrier = 0;
  #lastAskAt: number;
  #lastCreditAt: number;
  #lastAdvanceAt: number;
  #completeAt: number | undefined;
  #connected = true;
  #failure: Failure | undefined;
  #storedBy: string | undefined;
  /** The last ask that found nobody subscribed. */
  #desertedAsk = -Infinity;

  /** @param now The time, in milliseconds, of any clock that does not go back. */
  constructor(options: CreditSenderOptions, now: number) {
    this.#options = options;
    this.#askAfter = Math.min(ASK_AFTER_MS, options.timeout / (UNANSWERED_IN_DOUBT + 2));
    this.#flight = new Flight(options.sizeOf);
    this.#startedAt =
      this.#lastAskAt =
      this.#lastCreditAt =
      this.#lastAdvanceAt =
        now;
  }

  /** Whether every receiver that matters has taken over the chunk. */
  isConfirmed(index: number): boolean {
    return this.#pace.length > 0 && this.#pace.every((receiver) => hasTaken(receiver, index));
  }

  /** A credit came. */
  onCredit(credit: Credit, now: number): void {
    let receiver = this.#receivers.get(credit.receiver);
    if (!receiver) {
      if (this.#receivers.size >= MOST_RECEIVERS) return;
      receiver = createReceiver(credit.receiver, now);
      this.#receivers.set(credit.receiver, receiver);
    }
    if (credit.status === "complete" && !receiver.began && !this.#sentAny) {
      this.#failure ??= failures.alreadyComplete();
    }
    this.#lastCreditAt = now;
    const { advanced, regressed } = update(receiver, credit, now);
    if (advanced && (receiver.began || this.#pace.length === 0)) this.#lastAdvanceAt = now;
    if (receiver.began && credit.status === "rejected") {
      this.#failure ??= failures.rejected(receiver.reason);
    }
    // It gave up what it had, because it was full and others went on.
    if (regressed && !this.#options.restartable) this.#failure ??= failures.restarted();
    this.#adopt(receiver);
    this.#pace = [...this.#receivers.values()].filter(({ began }) => began);
    this.#settle(receiver);
    this.#fresh = this.#pace.length === 0 ? 0 : Math.min(...this.#pace.map(({ next }) => next));
  }

  /** The server said that nobody is subscribed. Only the first ask takes it for an answer; later it is silence. */
  onNoResponders(): void {
    this.#desertedAsk = this.#asks;
    if (this.#asks <= 1 && this.#receivers.size === 0) this.#failure ??= failures.absent();
  }

  /** A stream answered in place of a receiver, because it captures the subject. */
  onStored(stream: string): void {
    this.#storedBy = stream;
  }

  /** The connection is gone: what is published now would be lost. */
  onDisconnect(): void {
    this.#connected = false;
  }

  /** The connection is back; what happened to the chunks in flight is for the receiver to say. */
  onReconnect(): void {
    this.#connected = true;
    this.#askDue = true;
  }

  /** The next thing to do. Returning an `ask` or a `send` counts as having done it. */
  next(now: number): SenderAction {
    if (this.#failure) return { type: "fail", failure: this.#failure };
    if (this.#pace.length > 0 && this.#pace.every(({ status }) => status === "complete")) {
      const until = this.#beginnersUntil(now);
      if (now >= until) return { type: "done" };
      if (this.#askDue && this.#connected) return { type: "ask", ask: this.#ask(now) };
      return { type: "wait", until };
    }
    const deadline = this.#deadline();
    if (now >= deadline.at) return { type: "fail", failure: deadline.failure() };
    if (!this.#connected) return { type: "wait", until: deadline.at };

    if (this.#askDue || now >= this.#nextAskAt()) return { type: "ask", ask: this.#ask(now) };
    const granting = this.#granting();
    const index = granting.length > 0 ? this.#nextIndex(granting) : undefined;
    if (index !== undefined && this.#hasRoom(granting, index)) {
      this.#markSent(index, now);
      return { type: "send", index };
    }
    return { type: "wait", until: Math.min(this.#nextAskAt(), deadline.at) };
  }

  /** Others may have begun as well, and their first credit be on its way: they are asked once, and given a moment. */
  #beginnersUntil(now: number): number {
    if (![...this.#receivers.values()].some((receiver) => this.#isAwaited(receiver))) return now;
    if (this.#completeAt === undefined) {
      this.#completeAt = now;
      this.#askDue = true;
    }
    return this.#completeAt + GRACE_MS;
  }

  #ask(now: number): number {
    const wasAnswered = this.#granting().every(({ ask }) => ask >= this.#barrier);
    this.#asks++;
    for (const receiver of this.#receivers.values()) receiver.unanswered++;
    this.#askDue = false;
    this.#lastAskAt = now;
    if (wasAnswered) this.#barrier = this.#asks;
    return this.#asks;
  }

  #nextAskAt(): number {
    const quietSince = Math.min(this.#lastCreditAt, this.#lastAdvanceAt);
    return Math.max(this.#lastAskAt, quietSince) + this.#askAfter;
  }

  /**
   * Whether the receiver may yet credit chunk 0, so that it takes part until it has answered an ask that came after that
   * chunk. Without anybody who credited it, everybody who answers may.
   */
  #isAwaited(receiver: Receiver): boolean {
    if (receiver.began || receiver.status !== "receiving") return false;
    if (isUnresponsive(receiver)) return false;
    return this.#pace.length === 0 || receiver.ask <= this.#asksBeforeStart;
  }

  /** Whose word on chunks counts. */
  #counting(): Receiver[] {
    return [...this.#receivers.values()].filter((receiver) =>
      receiver.began || this.#isAwaited(receiver)
    );
  }

  /** Whose window counts: those who lack something. */
  #granting(): Receiver[] {
    const { chunkCount } = this.#options;
    return this.#counting().filter((receiver) =>
      receiver.status === "receiving" && takenCount(receiver, chunkCount) < chunkCount
    );
  }

  /** When those who set the pace are silent and a new receiver lacks the beginning, it takes their place. */
  #adopt(newcomer: Receiver): void {
    if (newcomer.began || newcomer.status !== "receiving") return;
    if (newcomer.ask <= this.#asksBeforeLast) return;
    const { restartable } = this.#options;
    const isInDoubt = newcomer.above.size > 0 || !restartable;
    const enough = isInDoubt ? UNANSWERED_IN_DOUBT : UNANSWERED_ASKS;
    const silent = this.#pace.filter(({ status, unanswered }) =>
      status === "receiving" && unanswered >= enough
    );
    if (silent.length === 0) return;
    if (!restartable) {
      this.#failure ??= failures.restarted();
      return;
    }
    for (const { id } of silent) this.#receivers.delete(id);
    newcomer.began = true;
    this.#losses.clear();
    this.#flight.clear(); // all of it was sent before an ask that the newcomer has answered
  }

  /** After news from `receiver`: what is taken over, and what is lost, is not in flight any more. */
  #settle(receiver: Receiver): void {
    const counting = this.#counting();
    const counts = counting.includes(receiver);
    for (const [index, asksBefore] of this.#flight.chunks) {
      if (counting.length > 0 && counting.every((each) => hasTaken(each, index))) {
        this.#flight.remove(index);
        this.#losses.delete(index);
      } else if (counts && !hasTaken(receiver, index) && receiver.ask > asksBefore) {
        // Its answer to an ask came after everything that had been sent before that ask.
        this.#flight.remove(index);
        this.#onLost(receiver, index);
      }
    }
  }

  #onLost(receiver: Receiver, index: number): void {
    const losses = (this.#losses.get(index) ?? 0) + 1;
    this.#losses.set(index, losses);
    if (losses >= SENDINGS_BEFORE_QUEUE_GROUP && this.#isElsewhere(receiver, index)) {
      this.#failure ??= failures.queueGroup();
    }
  }

  /** Whether another receiver has the chunk that `receiver` lacks. */
  #isElsewhere(receiver: Receiver, index: number): boolean {
    return [...this.#receivers.values()].some((other) =>
      other !== receiver && hasTaken(other, index)
    );
  }

  /** The lowest chunk that one of them lacks and that is not in flight. */
  #nextIndex(granting: readonly Receiver[]): number | undefined {
    const { chunkCount } = this.#options;
    const isUnderWay = (index: number): boolean =>
      this.#flight.has(index) || granting.every((receiver) => hasTaken(receiver, index));
    while (this.#fresh < chunkCount && isUnderWay(this.#fresh)) this.#fresh++;
    return this.#fresh < chunkCount ? this.#fresh : undefined;
  }

  #hasRoom(granting: readonly Receiver[], index: number): boolean {
    if (granting.some(({ ask, window }) => window === 0 || ask < this.#barrier)) return false;
    if (this.#flight.isEmpty) return true; // a window below one chunk, own or granted, means one chunk
    const window = Math.min(this.#options.window, ...granting.map((receiver) => receiver.window));
    return this.#flight.bytes + this.#options.sizeOf(index) <= window;
  }

  #markSent(index: number, now: number): void {
    this.#fresh = index + 1;
    this.#sentAny = true;
    if (index === 0) this.#asksBeforeStart = this.#asks;
    this.#asksBeforeLast = this.#asks;
    this.#flight.add(index, this.#asks);
    this.#lastAdvanceAt = now;
  }

  /** When it has failed, if nothing more is heard until then, and why. */
  #deadline(): Deadline {
    const { timeout } = this.#options;
    const receivers = [...this.#receivers.values()];
    if (receivers.length === 0) {
      return this.#silenceSince(this.#startedAt, this.#asks, () => this.#nobody());
    }
    const lastHeardAt = Math.max(...receivers.map(({ heardAt }) => heardAt));
    const receiving = receivers.filter(({ status }) => status === "receiving");
    if (receiving.length === 0) {
      const failure = (): Failure => failures.rejected(receivers[0]!.reason);
      return { at: lastHeardAt + GRACE_MS, failure };
    }
    const pace = receiving.filter(({ began }) => began);
    const each = (pace.length > 0 ? pace : receiving).map((receiver) =>
      this.#silenceSince(
        receiver.heardAt,
        receiver.unanswered,
        () => pace.length > 0 ? this.#silence(receiver) : failures.silent(timeout, undefined),
      )
    );
    // Of those who must complete, the first one that is silent; of the others, the last one.
    return each.reduce((a, b) => (pace.length > 0) === (a.at < b.at) ? a : b);
  }

  #silenceSince(heardAt: number, unanswered: number, failure: () => Failure): Deadline {
    const { timeout } = this.#options;
    if (!this.#connected) return { at: heardAt + timeout, failure: () => failures.away(timeout) };
    if (unanswered < UNANSWERED_ASKS) return { at: Infinity, failure }; // the next ask comes first
    return { at: heardAt + timeout, failure };
  }

  #nobody(): Failure {
    if (this.#asks - this.#desertedAsk < UNANSWERED_ASKS) return failures.absent();
    return failures.mute(this.#options.timeout, this.#storedBy);
  }

  #silence(receiver: Receiver): Failure {
    for (const [index, losses] of this.#losses) {
      if (losses > 1 && !hasTaken(receiver, index) && this.#isElsewhere(receiver, index)) {
        return failures.queueGroup();
      }
    }
    return failures.silent(this.#options.timeout, receiver.id);
  }
}

interface Deadline {
  readonly at: number;
  readonly failure: () => Failure;
}

/** Whether the receiver has said nothing for a while, although it was asked. */
function isUnresponsive({ unanswered }: Receiver): boolean {
  return unanswered >= UNANSWERED_ASKS;
}
