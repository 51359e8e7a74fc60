/**
 * The sender's side of the credit protocol (PROTOCOL 4): events and the time go in, actions come out. No clock and no
 * I/O, so that a simulation can lose, repeat, delay and reorder everything.
 *
 * @module
 */
import type { ReceiverFailure } from "../errors.ts";
import type { Credit } from "./wire.ts";
import { createReceiver, hasTaken, type Receiver, takenCount, update } from "./_receiver_view.ts";

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

/** Why it cannot succeed any more. */
export interface Failure {
  readonly reason: ReceiverFailure;
  readonly message: string;
}

/** After so long without credit, or without anything to do, the sender asks again. */
const ASK_AFTER_MS = 2_000;
/** A refusal waits so long for a receiver that accepts. */
const REFUSAL_GRACE_MS = 250;
/** A chunk that is missing after so many sendings, while another receiver has it, tells of a queue group. */
const SENDINGS_BEFORE_QUEUE_GROUP = 3;
/** A receiver is silent when it left so many asks without an answer. */
const UNANSWERED_ASKS = 2;
/** More ids than this on the reply subject are ignored: nobody has so many plain receivers. */
const MOST_RECEIVERS = 1_000;

/** One upload's sender. Call {@linkcode CreditSender.next} until it waits, and again after each event or in time. */
export class CreditSender {
  readonly #options: CreditSenderOptions;
  readonly #startedAt: number;
  readonly #receivers = new Map<string, Receiver>();
  /** Sent and not yet taken over by all who matter, with the number of asks that had been sent before. */
  readonly #inFlight = new Map<number, number>();
  #inFlightBytes = 0;
  /** Below it, everything is confirmed, in flight or lost. */
  #fresh = 0;
  #sentAny = false;
  readonly #lost = new Set<number>();
  readonly #sendings = new Map<number, number>();
  #asks = 0;
  #askDue = true;
  #lastAskAt: number;
  #lastCreditAt: number;
  #lastAdvanceAt: number;
  #connected = true;
  #failure: Failure | undefined;
  #storedBy: string | undefined;

  /** @param now The time, in milliseconds, of any clock that does not go back. */
  constructor(options: CreditSenderOptions, now: number) {
    this.#options = options;
    this.#startedAt =
      this.#lastAskAt =
      this.#lastCreditAt =
      this.#lastAdvanceAt =
        now;
  }

  /** How many chunks every receiver that matters has taken over. */
  get confirmedChunks(): number {
    const pace = this.#pace();
    if (pace.length === 0) return 0;
    return Math.min(...pace.map((receiver) => takenCount(receiver, this.#options.chunkCount)));
  }

  /** Whether every receiver that matters has taken over the chunk. */
  isConfirmed(index: number): boolean {
    const pace = this.#pace();
    return pace.length > 0 && pace.every((receiver) => hasTaken(receiver, index));
  }

  /** A credit came. */
  onCredit(credit: Credit, now: number): void {
    let receiver = this.#receivers.get(credit.receiver);
    if (!receiver) {
      if (this.#receivers.size >= MOST_RECEIVERS) return;
      receiver = createReceiver(credit.receiver, now);
      this.#receivers.set(credit.receiver, receiver);
    }
    this.#lastCreditAt = now;
    if (credit.status === "complete" && !receiver.began && !this.#sentAny) {
      this.#fail("taken", "its id is taken: a receiver has already completed an upload with it");
    }
    const { advanced, regressed } = update(receiver, credit, now);
    if (advanced) this.#lastAdvanceAt = now;
    // It gave up what it had (it was full, and others went on), so everything from there on may be needed again.
    if (regressed && receiver.began) this.#fresh = Math.min(this.#fresh, credit.next);
    if (credit.status === "rejected" && receiver.began) {
      this.#failure ??= rejection(receiver);
    }
    this.#adopt(receiver);
    this.#settle(receiver);
  }

  /** The server said that nobody is subscribed. Only the first ask takes it for an answer; later it is silence. */
  onNoResponders(): void {
    if (this.#asks <= 1 && this.#receivers.size === 0) {
      this.#fail("absent", "nobody is subscribed to the subject");
    }
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
    const failure = this.#failure ?? this.#overdue(now);
    if (failure) return { type: "fail", failure };
    const pace = this.#pace();
    if (pace.length > 0 && pace.every((receiver) => receiver.status === "complete")) {
      return { type: "done" };
    }
    if (!this.#connected) return { type: "wait", until: this.#deadline() };

    if (this.#askDue || now >= this.#nextAskAt()) {
      this.#askDue = false;
      this.#lastAskAt = now;
      this.#asks++;
      return { type: "ask", ask: this.#asks };
    }
    const index = this.#nextIndex();
    if (index !== undefined && this.#hasRoom(index)) {
      this.#markSent(index, now);
      return { type: "send", index };
    }
    return { type: "wait", until: Math.min(this.#nextAskAt(), this.#deadline()) };
  }

  /** Those who credited chunk 0: they set the pace, and all of them must complete. */
  #pace(): Receiver[] {
    return [...this.#receivers.values()].filter((receiver) => receiver.began);
  }

  /** Whose window counts: those who set the pace, and before anybody does, everybody who would take the upload. */
  #granting(): Receiver[] {
    const pace = this.#pace().filter((receiver) => receiver.status === "receiving");
    if (pace.length > 0) return pace;
    return [...this.#receivers.values()].filter((receiver) => receiver.status === "receiving");
  }

  /** When those who set the pace are silent and a new receiver asks for everything, it takes their place. */
  #adopt(newcomer: Receiver): void {
    if (newcomer.began || newcomer.status !== "receiving" || newcomer.ask < this.#asks) return;
    if (takenCount(newcomer, this.#options.chunkCount) > 0) return;
    const silent = this.#pace().filter((receiver) =>
      receiver.status === "receiving" && this.#asks - receiver.ask >= UNANSWERED_ASKS
    );
    if (silent.length === 0) return;
    if (!this.#options.restartable) {
      this.#fail(
        "restarted",
        "the receiver restarted, and the source cannot be read again from its start",
      );
      return;
    }
    for (const receiver of silent) this.#receivers.delete(receiver.id);
    newcomer.began = true;
    this.#fresh = 0;
    this.#lost.clear();
    this.#sendings.clear();
    this.#inFlight.clear();
    this.#inFlightBytes = 0;
  }

  /** After news from `receiver`: what is taken over leaves the flight, what is lost goes out again. */
  #settle(receiver: Receiver): void {
    const pace = this.#pace();
    const matters = pace.length === 0 || receiver.began;
    for (const [index, asksBefore] of this.#inFlight) {
      const taken = pace.length > 0 && pace.every((each) => hasTaken(each, index));
      // Its answer to an ask came after everything that had been sent before that ask.
      const lost = matters && !hasTaken(receiver, index) && receiver.ask > asksBefore;
      if (!taken && !lost) continue;
      this.#inFlight.delete(index);
      this.#inFlightBytes -= this.#options.sizeOf(index);
      if (!lost) continue;
      this.#lost.add(index);
      if (
        (this.#sendings.get(index) ?? 0) >= SENDINGS_BEFORE_QUEUE_GROUP &&
        this.#elsewhere(receiver, index)
      ) {
        this.#failure ??= queueGroup();
      }
    }
    for (const index of this.#lost) if (this.isConfirmed(index)) this.#lost.delete(index);
  }

  /** Whether another receiver has the chunk that `receiver` lacks. */
  #elsewhere(receiver: Receiver, index: number): boolean {
    return [...this.#receivers.values()].some((other) =>
      other !== receiver && hasTaken(other, index)
    );
  }

  #nextIndex(): number | undefined {
    let lowest: number | undefined;
    for (const index of this.#lost) if (lowest === undefined || index < lowest) lowest = index;
    if (lowest !== undefined) return lowest;
    const { chunkCount } = this.#options;
    while (this.#fresh < chunkCount && this.#isUnderWay(this.#fresh)) this.#fresh++;
    return this.#fresh < chunkCount ? this.#fresh : undefined;
  }

  #isUnderWay(index: number): boolean {
    return this.#inFlight.has(index) || this.isConfirmed(index);
  }

  #hasRoom(index: number): boolean {
    const granting = this.#granting();
    if (granting.length === 0) return false;
    const granted = Math.min(...granting.map((receiver) => receiver.window));
    if (granted === 0) return false;
    if (this.#inFlight.size === 0) return true; // a window below one chunk, own or granted, means one chunk
    return this.#inFlightBytes + this.#options.sizeOf(index) <=
      Math.min(granted, this.#options.window);
  }

  #markSent(index: number, now: number): void {
    this.#lost.delete(index);
    if (index === this.#fresh) this.#fresh++;
    this.#sentAny = true;
    this.#inFlight.set(index, this.#asks);
    this.#inFlightBytes += this.#options.sizeOf(index);
    this.#sendings.set(index, (this.#sendings.get(index) ?? 0) + 1);
    this.#lastAdvanceAt = now;
  }

  #nextAskAt(): number {
    const quietSince = Math.min(this.#lastCreditAt, this.#lastAdvanceAt);
    return Math.max(this.#lastAskAt, quietSince) + ASK_AFTER_MS;
  }

  /** The first moment at which {@linkcode CreditSender.#overdue} may say something. */
  #deadline(): number {
    return Math.min(...this.#deadlines().map(({ at }) => at));
  }

  #overdue(now: number): Failure | undefined {
    return this.#deadlines().find(({ at }) => now >= at)?.failure();
  }

  #deadlines(): { at: number; failure: () => Failure }[] {
    const { timeout } = this.#options;
    const receivers = [...this.#receivers.values()];
    const refused = receivers.filter((receiver) => receiver.status === "rejected");
    if (receivers.length === 0) {
      return [{ at: this.#startedAt + timeout, failure: () => this.#nobodyCredits() }];
    }
    if (refused.length === receivers.length) {
      const last = Math.max(...refused.map((receiver) => receiver.heardAt));
      return [{ at: last + REFUSAL_GRACE_MS, failure: () => rejection(refused[0]!) }];
    }
    const pace = this.#pace().filter((receiver) => receiver.status === "receiving");
    if (pace.length === 0) {
      const last = Math.max(...receivers.map((receiver) => receiver.heardAt));
      return [{
        at: last + timeout,
        failure: () => silent(`no receiver answers any more, for ${timeout} ms`),
      }];
    }
    return pace.map((receiver) => ({
      at: receiver.heardAt + timeout,
      failure: () => this.#silence(receiver),
    }));
  }

  #nobodyCredits(): Failure {
    const { timeout } = this.#options;
    const nobody = `no receiver granted credit within ${timeout} ms`;
    const message = this.#storedBy === undefined
      ? `${nobody}: who listens does not speak the credit protocol; delivery: "unconfirmed" sends to such receivers, ` +
        `without knowing what arrives`
      : `${nobody}, but the stream ${
        JSON.stringify(this.#storedBy)
      } captures the subject: pass a JetStream client as ` +
        `target to store the chunks there`;
    return { reason: "mute", message };
  }

  #silence(receiver: Receiver): Failure {
    for (const index of this.#inFlight.keys()) {
      if (!hasTaken(receiver, index) && this.#elsewhere(receiver, index)) return queueGroup();
    }
    return silent(`the receiver ${receiver.id} answered no ask for ${this.#options.timeout} ms`);
  }

  #fail(reason: ReceiverFailure, message: string): void {
    this.#failure ??= { reason, message };
  }
}

function rejection({ reason }: Receiver): Failure {
  if (reason === "taken") {
    return { reason, message: "its id is taken: another sender is using it" };
  }
  return { reason: "rejected", message: `a receiver rejected it: ${reason ?? "no reason given"}` };
}

function silent(message: string): Failure {
  return { reason: "silent", message };
}

function queueGroup(): Failure {
  const message =
    "its chunks go to different receivers, as a queue group spreads them, so that none can finish it: " +
    "subscribe without a queue, or use JetStream";
  return { reason: "queue-group", message };
}
