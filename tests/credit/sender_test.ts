import { test } from "node:test";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  CreditSender,
  type CreditSenderOptions,
  type SenderAction,
} from "../../src/_credit/sender.ts";
import type { Credit } from "../../src/_credit/wire.ts";

function startSender(options: Partial<CreditSenderOptions> = {}): CreditSender {
  return new CreditSender({
    chunkCount: 4,
    sizeOf: () => 10,
    window: 1_000,
    timeout: 30_000,
    restartable: true,
    ...options,
  }, 0);
}

function credit(change: Partial<Credit> = {}): Credit {
  const base = { uploadId: "u", receiver: "A", ask: 1, next: 0, missing: [], window: 1_000 };
  return { ...base, status: "receiving", ...change };
}

/** Everything to do now, in short: `ask 1`, `send 0`, and how it ends. */
function turn(sender: CreditSender, now: number): string[] {
  const done: string[] = [];
  for (;;) {
    const action = sender.next(now);
    done.push(describe(action));
    if (action.type !== "ask" && action.type !== "send") return done;
  }
}

function describe(action: SenderAction): string {
  switch (action.type) {
    case "ask":
      return `ask ${action.ask}`;
    case "send":
      return `send ${action.index}`;
    case "wait":
      return `wait ${action.until}`;
    case "done":
      return "done";
    case "fail":
      return action.failure.reason;
  }
}

test("CreditSender asks first, and sends nothing before it is answered", () => {
  const sender = startSender();
  assertEquals(turn(sender, 0), ["ask 1", "wait 2000"]);
  sender.onCredit(credit(), 5);
  assertEquals(turn(sender, 5), ["send 0", "send 1", "send 2", "send 3", "wait 2005"]);
});

test("CreditSender keeps to the smaller of both windows", () => {
  for (const [window, granted] of [[20, 1_000], [1_000, 25]] as const) {
    const sender = startSender({ window });
    turn(sender, 0);
    sender.onCredit(credit({ window: granted }), 0);
    assertEquals(turn(sender, 0).slice(0, -1), ["send 0", "send 1"]);
    sender.onCredit(credit({ next: 1, window: granted }), 1);
    assertEquals(turn(sender, 1).slice(0, -1), ["send 2"]);
  }
});

test("CreditSender sends one chunk where a window is smaller than that", () => {
  for (const [window, granted] of [[1, 1_000], [1_000, 3]] as const) {
    const sender = startSender({ window });
    turn(sender, 0);
    sender.onCredit(credit({ window: granted }), 0);
    assertEquals(turn(sender, 0).slice(0, -1), ["send 0"]);
  }
});

test("CreditSender asks again every two seconds without credit, with the next number", () => {
  const sender = startSender();
  turn(sender, 0);
  assertEquals(turn(sender, 1_999), ["wait 2000"]);
  assertEquals(turn(sender, 2_000), ["ask 2", "wait 4000"]);
  assertEquals(turn(sender, 4_000), ["ask 3", "wait 6000"]);
});

test("CreditSender asks again with window 0, although credit comes", () => {
  const sender = startSender();
  turn(sender, 0);
  sender.onCredit(credit({ window: 0 }), 10);
  sender.onCredit(credit({ window: 0 }), 1_500);
  assertEquals(turn(sender, 2_000), ["ask 2", "wait 4000"]);
});

test("CreditSender asks again with nothing left to send, although credit comes", () => {
  const sender = startSender({ chunkCount: 1 });
  turn(sender, 0);
  sender.onCredit(credit(), 0);
  assertEquals(turn(sender, 0), ["send 0", "wait 2000"]);
  sender.onCredit(credit({ next: 1, window: 0 }), 10);
  sender.onCredit(credit({ next: 1, window: 0 }), 1_500);
  assertEquals(turn(sender, 2_010), ["ask 2", "wait 4010"]);
});

test("CreditSender does nothing while disconnected, and asks after a reconnect", () => {
  const sender = startSender();
  turn(sender, 0);
  sender.onCredit(credit({ window: 10 }), 0);
  assertEquals(turn(sender, 0), ["send 0", "wait 2000"]);
  sender.onDisconnect();
  sender.onCredit(credit({ next: 1 }), 1);
  assertEquals(turn(sender, 9_000), ["wait 30001"]);
  sender.onReconnect();
  assertEquals(turn(sender, 9_001), ["ask 2", "wait 11001"]);
  sender.onCredit(credit({ ask: 1, next: 1 }), 9_002);
  assertEquals(turn(sender, 9_002), ["wait 11001"], "an old answer tells nothing of the ask");
  sender.onCredit(credit({ ask: 2, next: 1 }), 9_003);
  assertEquals(turn(sender, 9_003)[0], "send 1");
});

test("CreditSender takes for lost only what an answered ask does not mention", () => {
  const sender = startSender();
  turn(sender, 0);
  sender.onCredit(credit(), 0);
  turn(sender, 0);
  sender.onCredit(credit({ next: 1, missing: [[1, 1]] }), 10);
  assertEquals(turn(sender, 10), ["wait 2010"]);
  assertEquals(turn(sender, 2_010)[0], "ask 2");
  sender.onCredit(credit({ ask: 2, next: 1, missing: [[1, 1]] }), 2_020);
  assertEquals(turn(sender, 2_020).slice(0, -1), ["send 1", "send 3"]);
});

test("CreditSender succeeds by complete only", () => {
  const sender = startSender({ chunkCount: 2 });
  turn(sender, 0);
  sender.onCredit(credit(), 0);
  turn(sender, 0);
  sender.onCredit(credit({ next: 2, window: 0 }), 10);
  assertEquals(sender.isConfirmed(1), true);
  assertEquals(turn(sender, 10), ["wait 2010"]);
  sender.onCredit(credit({ status: "complete", next: 2, window: 0 }), 20);
  assertEquals(turn(sender, 20), ["done"]);
});

test("CreditSender needs the word of all who credited chunk 0, and asks those who may have", () => {
  const sender = startSender({ chunkCount: 1 });
  turn(sender, 0);
  for (const receiver of ["A", "B", "C"]) sender.onCredit(credit({ receiver }), 0);
  turn(sender, 0);
  const complete = credit({ status: "complete", next: 1, window: 0 });
  sender.onCredit(complete, 10);
  assertEquals(turn(sender, 10), ["ask 2", "wait 260"]);
  sender.onCredit(credit({ receiver: "B", ask: 2, next: 1, window: 0 }), 20);
  assertEquals(turn(sender, 400), ["wait 2020"]); // C may be a queue group's, or gone
  sender.onCredit({ ...complete, receiver: "B" }, 410);
  assertEquals(turn(sender, 410), ["done"]);
});

test("CreditSender lets complete stand, whatever that receiver says later", () => {
  const sender = startSender({ chunkCount: 1 });
  turn(sender, 0);
  for (const receiver of ["A", "B"]) sender.onCredit(credit({ receiver }), 0);
  turn(sender, 0);
  sender.onCredit(credit({ status: "complete", next: 1 }), 10);
  sender.onCredit(credit({ receiver: "B", next: 1 }), 10);
  sender.onCredit(credit({ next: 0 }), 20);
  assertEquals(sender.isConfirmed(0), true);
  sender.onCredit(credit({ receiver: "B", status: "complete", next: 1 }), 30);
  assertEquals(turn(sender, 30), ["done"]);
});

test("CreditSender sends again to one that lacks chunks while another waits to complete", () => {
  const sender = startSender({ chunkCount: 2 });
  turn(sender, 0);
  for (const receiver of ["A", "B"]) sender.onCredit(credit({ receiver }), 0);
  turn(sender, 0);
  sender.onCredit(credit({ next: 2, window: 0 }), 10);
  sender.onCredit(credit({ receiver: "B", next: 1 }), 10);
  turn(sender, 2_010);
  sender.onCredit(credit({ receiver: "B", next: 1, ask: 2 }), 2_020);
  assertEquals(turn(sender, 2_020)[0], "send 1");
});

test("CreditSender is not held up by one that answered once with window 0 and is gone", () => {
  const sender = startSender();
  turn(sender, 0);
  sender.onCredit(credit({ receiver: "gone", window: 0 }), 0);
  let started = 0;
  for (let now = 0; now < 20_000 && !started; now += 100) {
    for (const step of turn(sender, now)) {
      if (step.startsWith("ask")) sender.onCredit(credit({ ask: Number(step.slice(4)) }), now);
      if (step === "send 0") started = now;
    }
  }
  assert(started > 0 && started <= 6_000, `it started after ${started} ms`);
});

test("CreditSender sends again what a receiver gave up, above its first gap, too", () => {
  const sender = startSender();
  turn(sender, 0);
  sender.onCredit(credit(), 0);
  turn(sender, 0);
  sender.onCredit(credit({ next: 1 }), 5);
  sender.onCredit(credit({ next: 1, missing: [[1, 1]] }), 10); // 0 and 2 are there
  turn(sender, 2_010);
  sender.onCredit(credit({ ask: 2, next: 0 }), 2_020);
  assertEquals(turn(sender, 2_020).slice(0, -1), ["send 0", "send 1", "send 2", "send 3"]);
});

test("CreditSender fails with restarted where what was given up cannot be read again", () => {
  const sender = startSender({ restartable: false });
  turn(sender, 0);
  sender.onCredit(credit(), 0);
  turn(sender, 0);
  sender.onCredit(credit({ next: 2 }), 5);
  sender.onCredit(credit({ next: 0, ask: 0 }), 10);
  assertEquals(turn(sender, 10), ["restarted"]);
});

test("CreditSender takes no responders for an answer to the first ask only", () => {
  const first = startSender();
  turn(first, 0);
  first.onNoResponders();
  assertEquals(turn(first, 1), ["absent"]);

  const later = startSender();
  turn(later, 0);
  turn(later, 2_000);
  later.onNoResponders();
  assertEquals(turn(later, 2_001), ["wait 4000"]);

  const known = startSender();
  turn(known, 0);
  known.onCredit(credit(), 1);
  known.onNoResponders();
  assertEquals(turn(known, 2)[0], "send 0");
});

test("CreditSender says absent after the timeout when nobody was subscribed to the last", () => {
  const sender = startSender();
  for (let now = 0; now < 30_000; now += 2_000) {
    turn(sender, now);
    if (now > 0) sender.onNoResponders();
  }
  assertEquals(turn(sender, 30_000), ["absent"]);
});

test("CreditSender gives other receivers a moment to accept after a refusal", () => {
  const refusal = credit({ status: "rejected", reason: "no room", window: 0 });
  const refused = startSender();
  turn(refused, 0);
  refused.onCredit(refusal, 10);
  assertEquals(turn(refused, 259), ["wait 260"]);
  assertEquals(turn(refused, 260), ["rejected"]);

  const accepted = startSender();
  turn(accepted, 0);
  accepted.onCredit(refusal, 10);
  accepted.onCredit(credit({ receiver: "B" }), 200);
  assertEquals(turn(accepted, 260)[0], "send 0");
});

test("CreditSender fails at once when a receiver that began rejects", () => {
  const sender = startSender();
  turn(sender, 0);
  sender.onCredit(credit(), 0);
  turn(sender, 0);
  sender.onCredit(credit({ next: 1 }), 1);
  sender.onCredit(credit({ status: "rejected", reason: "bad\u00e9" }), 2);
  const action = sender.next(2);
  assert(action.type === "fail");
  assertEquals(action.failure.reason, "rejected");
  assertStringIncludes(action.failure.message, "badé");
});

test("CreditSender does not take its own standing still for a receiver's silence", () => {
  const sender = startSender();
  turn(sender, 0);
  sender.onCredit(credit(), 0);
  turn(sender, 0);
  sender.onCredit(credit({ next: 1 }), 10);
  assertEquals(turn(sender, 90_000), ["ask 2", "wait 92000"]);
  sender.onCredit(credit({ next: 4, ask: 2 }), 90_010);
  assertEquals(turn(sender, 90_011), ["wait 92010"]);
});

test("CreditSender asks often enough to notice silence within a short timeout", () => {
  const sender = startSender({ timeout: 400 });
  let asks = 0;
  for (let now = 0; now < 400; now++) {
    for (const step of turn(sender, now)) if (step.startsWith("ask")) asks++;
  }
  assertEquals(asks, 8);
  assertEquals(turn(sender, 400), ["mute"]);
});

test("CreditSender remembers a thousand receivers and ignores more", () => {
  const sender = startSender({ chunkCount: 1 });
  turn(sender, 0);
  for (let i = 0; i < 1_000; i++) {
    sender.onCredit(credit({ receiver: `hostile ${i}`, status: "rejected" }), 0);
  }
  sender.onCredit(credit(), 1);
  assertEquals(turn(sender, 300), ["rejected"]);
});

test("CreditSender waits for a chunk that is not read yet, and goes on asking", () => {
  const sender = startSender();
  turn(sender, 0);
  sender.onCredit(credit(), 10);
  const ready = new Set<number>();
  const wanted: number[] = [];
  const isReady = (index: number): boolean => (wanted.push(index), ready.has(index));
  assertEquals(describe(sender.next(10, isReady)), "wait 2000");
  assertEquals(describe(sender.next(2_010, isReady)), "ask 2");
  sender.onCredit(credit({ ask: 2 }), 2_011);
  ready.add(0);
  assertEquals(describe(sender.next(2_012, isReady)), "send 0");
  assertEquals(describe(sender.next(2_012, isReady)), "wait 4011");
  sender.onCredit(credit({ ask: 2, next: 1 }), 2_020);
  ready.add(1);
  assertEquals(describe(sender.next(2_021, isReady)), "send 1");
  assertEquals(wanted, [0, 0, 1, 1]);
});

test("CreditSender knows which chunks nobody needs any more", () => {
  const sender = startSender();
  assertEquals(sender.settled(0), false);
  turn(sender, 0);
  sender.onCredit(credit(), 10);
  sender.onCredit(credit({ receiver: "B" }), 10);
  turn(sender, 10);
  sender.onCredit(credit({ next: 2, missing: [[2, 2]] }), 20); // 0, 1 and 3
  assertEquals([0, 1, 2, 3].map(sender.settled), [false, false, false, false]);
  sender.onCredit(credit({ receiver: "B", next: 1 }), 30);
  assertEquals([0, 1, 2, 3].map(sender.settled), [true, false, false, false]);
  sender.onCredit(credit({ receiver: "B", next: 4 }), 40);
  assertEquals([0, 1, 2, 3].map(sender.settled), [true, true, false, true]);
});

test("CreditSender that is resumed takes completion for its own, and what a receiver has already", () => {
  const sender = startSender({ resumed: true });
  turn(sender, 0);
  sender.onCredit(credit({ status: "complete", next: 4 }), 10);
  assertEquals(turn(sender, 10), ["done"]);

  const halfway = startSender({ resumed: true });
  turn(halfway, 0);
  halfway.onCredit(credit({ next: 2 }), 10);
  assertEquals(turn(halfway, 10).slice(0, 2), ["send 2", "send 3"]);
});

test("CreditSender that is resumed waits until it is not taken for another sender any more", () => {
  const taken = { status: "rejected", reason: "taken", window: 0 } as const;
  const sender = startSender({ resumed: true });
  turn(sender, 0);
  sender.onCredit(credit(taken), 10);
  assertEquals(turn(sender, 2_010), ["ask 2", "wait 4010"]);
  sender.onCredit(credit({ ask: 2, ...taken }), 2_011);
  turn(sender, 10_000);
  sender.onCredit(credit({ ask: 3, next: 2 }), 10_010);
  assertEquals(turn(sender, 10_010).slice(0, 2), ["send 2", "send 3"]);

  const late = startSender({ resumed: true });
  turn(late, 0);
  late.onCredit(credit(taken), 16_000);
  assertEquals(turn(late, 16_300).at(-1), "taken");

  const other = startSender();
  turn(other, 0);
  other.onCredit(credit(taken), 10);
  assertEquals(turn(other, 300), ["taken"]);
});
