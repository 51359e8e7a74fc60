/**
 * The receivers of one upload, and whose word counts (PROTOCOL 4).
 *
 * @module
 */
import { isUnresponsive } from "./_patience.ts";
import { createReceiver, hasTaken, type Receiver, takenCount } from "./_receiver_view.ts";

/** More ids than this on the reply subject are ignored: nobody has so many plain receivers. */
const MOST_RECEIVERS = 1_000;

/** Everybody who has sent credit. */
export class Roster {
  readonly #chunkCount: number;
  readonly #receivers = new Map<string, Receiver>();
  #pace: readonly Receiver[] = [];
  /** How many asks had been sent when chunk 0 was sent last. */
  asksBeforeStart: number = Infinity;

  constructor(chunkCount: number) {
    this.#chunkCount = chunkCount;
  }

  /** All of them. */
  get all(): readonly Receiver[] {
    return [...this.#receivers.values()];
  }

  /** Those who credited chunk 0: they set the pace, and all of them must complete. */
  get pace(): readonly Receiver[] {
    return this.#pace;
  }

  /** The receiver with this id; `undefined` where there are too many. */
  get(id: string, now: number): Receiver | undefined {
    let receiver = this.#receivers.get(id);
    if (!receiver && this.#receivers.size < MOST_RECEIVERS) {
      receiver = createReceiver(id, now);
      this.#receivers.set(id, receiver);
    }
    return receiver;
  }

  /** Forgets a receiver. */
  remove({ id }: Receiver): void {
    this.#receivers.delete(id);
  }

  /** To be called when somebody may have begun, or was removed. */
  refresh(): void {
    this.#pace = this.all.filter(({ began }) => began);
  }

  /** Whether others than those who began may yet credit chunk 0. */
  get isSomeoneAwaited(): boolean {
    return this.all.some((receiver) => this.#isAwaited(receiver));
  }

  /** Whose word on chunks counts. */
  counting(): Receiver[] {
    return this.all.filter((receiver) => receiver.began || this.#isAwaited(receiver));
  }

  /** Whose window counts: those who lack something. */
  granting(): Receiver[] {
    return this.counting().filter((receiver) =>
      receiver.status === "receiving" && takenCount(receiver, this.#chunkCount) < this.#chunkCount
    );
  }

  /** Whether another receiver has the chunk that `receiver` lacks. */
  isElsewhere(receiver: Receiver, index: number): boolean {
    return this.all.some((other) => other !== receiver && hasTaken(other, index));
  }

  /**
   * Whether the receiver may yet credit chunk 0, so that it takes part until it has answered an ask that came after that
   * chunk. Without anybody who credited it, everybody who answers may.
   */
  #isAwaited(receiver: Receiver): boolean {
    if (receiver.began || receiver.status !== "receiving") return false;
    if (isUnresponsive(receiver)) return false;
    return this.#pace.length === 0 || receiver.ask <= this.asksBeforeStart;
  }
}
