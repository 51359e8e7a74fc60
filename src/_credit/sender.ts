/**
 * The sender's side of the credit protocol (PROTOCOL 4): events and the time go in, actions come out. No clock and no
 * I/O, so that a simulation can lose, repeat, delay and reorder everything.
 *
 * @module
 */
import { Asks } from "./_asks.ts";
import * as failures from "./_failures.ts";
import type { Failure } from "./_failures.ts";
import { Flight } from "./_flight.ts";
import { Losses } from "./_losses.ts";
import { type Deadline, deadlineIn, GRACE_MS, UNANSWERED_ASKS } from "./_patience.ts";
import { hasTaken, hasTakenAbove, type Receiver, update } from "./_receiver_view.ts";
import { Roster } from "./_roster.ts";
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
  /** Whether an earlier call began the upload, so that what a receiver has of it, or has completed, is this one's. */
  readonly resumed?: boolean;
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
/**
 * A receiver that left so many asks without an answer is given up for another one even where that may be a member of
 * the same queue group, which gets the asks in its place.
 */
const UNANSWERED_IN_DOUBT = 6;

/**
 * So long a resumed upload may be told that another sender has it: the earlier call, which a receiver does not know to
 * have ended before it was silent for ten seconds.
 */
const OWN_SHADOW_MS = 15_000;

/** One upload's sender. Call {@linkcode CreditSender.next} until it waits, and again after each event or in time. */
export class CreditSender {
  readonly #options: CreditSenderOptions;
  readonly #startedAt: number;
  readonly #roster: Roster;
  readonly #flight: Flight;
  readonly #losses: Losses;
  readonly #asks: Asks;
  /** Every chunk below it is taken over or in flight. */
  #fresh = 0;
  /** One more than the highest chunk that was sent. */
  #sentUpTo = 0;
  #hasForeign = false;
  /** How many asks had been sent when the last chunk was sent. */
  #asksBeforeLast = 0;
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
    const askAfter = Math.min(ASK_AFTER_MS, options.timeout / (UNANSWERED_IN_DOUBT + 2));
    this.#asks = new Asks(askAfter, now);
    this.#roster = new Roster(options.chunkCount);
    this.#losses = new Losses(this.#roster);
    this.#flight = new Flight(options.sizeOf);
    this.#startedAt = this.#lastCreditAt = this.#lastAdvanceAt = now;
  }

  /**
   * Whether a receiver has chunks that were not sent by this call: an earlier one used the same id. Only a digest of the
   * whole payload can tell whether they are the same.
   */
  get hasForeign(): boolean {
    return this.#hasForeign;
  }

  /** Which chunks every receiver that may yet need them has taken over, as things stand now. */
  get settled(): (index: number) => boolean {
    const counting = this.#roster.counting();
    return (index) =>
      counting.length > 0 && counting.every((receiver) => hasTaken(receiver, index));
  }

  /** Whether every receiver that matters has taken over the chunk. */
  isConfirmed(index: number): boolean {
    const { pace } = this.#roster;
    return pace.length > 0 && pace.every((receiver) => hasTaken(receiver, index));
  }

  /** A credit came. */
  onCredit(given: Credit, now: number): void {
    const credit = this.#isOwnShadow(given, now)
      ? { ...given, status: "receiving" as const }
      : given;
    const receiver = this.#roster.get(credit.receiver, now);
    if (!receiver) return;
    const isFinished = this.#sentUpTo === this.#options.chunkCount;
    const isContinued = this.#options.resumed || (this.#hasForeign && this.#sentUpTo > 0);
    if (credit.status === "complete" && !isFinished && !isContinued) {
      this.#failure ??= failures.alreadyComplete();
    }
    this.#lastCreditAt = now;
    const { advanced, regressed } = update(receiver, credit, now);
    this.#hasForeign ||= hasTakenAbove(receiver, this.#sentUpTo);
    if (advanced && (receiver.began || this.#roster.pace.length === 0)) this.#lastAdvanceAt = now;
    if (receiver.began && credit.status === "rejected") {
      this.#failure ??= failures.rejected(receiver.reason);
    }
    // It gave up what it had, because it was full and others went on.
    if (regressed && !this.#options.restartable) this.#failure ??= failures.restarted();
    this.#adopt(receiver);
    this.#roster.refresh();
    this.#settle(receiver);
    const { pace } = this.#roster;
    this.#fresh = pace.length === 0 ? 0 : Math.min(...pace.map(({ next }) => next));
  }

  /** The server said that nobody is subscribed. Only the first ask takes it for an answer; later it is silence. */
  onNoResponders(): void {
    this.#desertedAsk = this.#asks.count;
    if (this.#asks.count <= 1 && this.#roster.all.length === 0) this.#failure ??= failures.absent();
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
    this.#asks.demand();
  }

  /**
   * The next thing to do. Returning an `ask` or a `send` counts as having done it.
   *
   * @param isReady Whether the chunk at an index has been read; one that has not is not sent, and waited for.
   */
  next(now: number, isReady: (index: number) => boolean = () => true): SenderAction {
    if (this.#failure) return { type: "fail", failure: this.#failure };
    const { pace } = this.#roster;
    if (pace.length > 0 && pace.every(({ status }) => status === "complete")) {
      const until = this.#beginnersUntil(now);
      if (now >= until) return { type: "done" };
      if (this.#asks.isDemanded && this.#connected) return { type: "ask", ask: this.#ask(now) };
      return { type: "wait", until };
    }
    const deadline = this.#deadline();
    if (now >= deadline.at) return { type: "fail", failure: deadline.failure() };
    if (!this.#connected) return { type: "wait", until: deadline.at };

    if (this.#asks.isDemanded || now >= this.#nextAskAt()) {
      return { type: "ask", ask: this.#ask(now) };
    }
    const granting = this.#roster.granting();
    const index = granting.length > 0 ? this.#nextIndex(granting) : undefined;
    if (index !== undefined && this.#hasRoom(granting, index) && isReady(index)) {
      this.#markSent(index, now);
      return { type: "send", index };
    }
    return { type: "wait", until: Math.min(this.#nextAskAt(), deadline.at) };
  }

  #isOwnShadow({ status, reason }: Credit, now: number): boolean {
    return this.#options.resumed === true && status === "rejected" && reason === "taken" &&
      now - this.#startedAt < OWN_SHADOW_MS;
  }

  /** Others may have begun as well, and their first credit be on its way: they are asked once, and given a moment. */
  #beginnersUntil(now: number): number {
    if (!this.#roster.isSomeoneAwaited) return now;
    if (this.#completeAt === undefined) {
      this.#completeAt = now;
      this.#asks.demand();
    }
    return this.#completeAt + GRACE_MS;
  }

  #ask(now: number): number {
    const { barrier } = this.#asks;
    const wasAnswered = this.#roster.granting().every(({ ask }) => ask >= barrier);
    for (const receiver of this.#roster.all) receiver.unanswered++;
    return this.#asks.send(now, wasAnswered);
  }

  #nextAskAt(): number {
    return this.#asks.nextAt(Math.min(this.#lastCreditAt, this.#lastAdvanceAt));
  }

  /** When those who set the pace are silent and a new receiver lacks the beginning, it takes their place. */
  #adopt(newcomer: Receiver): void {
    if (newcomer.began || newcomer.status !== "receiving") return;
    if (newcomer.ask <= this.#asksBeforeLast) return;
    const { restartable } = this.#options;
    const isInDoubt = newcomer.above.size > 0 || !restartable;
    const enough = isInDoubt ? UNANSWERED_IN_DOUBT : UNANSWERED_ASKS;
    const silent = this.#roster.pace.filter(({ status, unanswered }) =>
      status === "receiving" && unanswered >= enough
    );
    if (silent.length === 0) return;
    if (!restartable) {
      this.#failure ??= failures.restarted();
      return;
    }
    for (const receiver of silent) this.#roster.remove(receiver);
    newcomer.began = true;
    this.#losses.clear();
    this.#flight.clear(); // all of it was sent before an ask that the newcomer has answered
  }

  /** After news from `receiver`: what is taken over, and what is lost, is not in flight any more. */
  #settle(receiver: Receiver): void {
    const counting = this.#roster.counting();
    const counts = counting.includes(receiver);
    for (const [index, asksBefore] of this.#flight.chunks) {
      if (counting.length > 0 && counting.every((each) => hasTaken(each, index))) {
        this.#flight.remove(index);
        this.#losses.remove(index);
      } else if (counts && !hasTaken(receiver, index) && receiver.ask > asksBefore) {
        // Its answer to an ask came after everything that had been sent before that ask.
        this.#flight.remove(index);
        if (this.#losses.add(receiver, index)) this.#failure ??= failures.queueGroup();
      }
    }
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
    const { barrier } = this.#asks;
    if (granting.some(({ ask, window }) => window === 0 || ask < barrier)) return false;
    if (this.#flight.isEmpty) return true; // a window below one chunk, own or granted, means one chunk
    const window = Math.min(this.#options.window, ...granting.map((receiver) => receiver.window));
    return this.#flight.bytes + this.#options.sizeOf(index) <= window;
  }

  #markSent(index: number, now: number): void {
    this.#fresh = index + 1;
    this.#sentUpTo = Math.max(this.#sentUpTo, index + 1);
    if (index === 0) this.#roster.asksBeforeStart = this.#asks.count;
    this.#asksBeforeLast = this.#asks.count;
    this.#flight.add(index, this.#asks.count);
    this.#lastAdvanceAt = now;
  }

  #deadline(): Deadline {
    return deadlineIn({
      receivers: this.#roster.all,
      connected: this.#connected,
      startedAt: this.#startedAt,
      asks: this.#asks.count,
      timeout: this.#options.timeout,
      nobody: () => this.#nobody(),
      silence: (receiver) => this.#silence(receiver),
    });
  }

  #nobody(): Failure {
    if (this.#asks.count - this.#desertedAsk < UNANSWERED_ASKS) return failures.absent();
    return failures.mute(this.#options.timeout, this.#storedBy);
  }

  #silence(receiver: Receiver): Failure {
    return this.#losses.explainSilence(receiver)
      ? failures.queueGroup()
      : failures.silent(this.#options.timeout, receiver.id);
  }
}
