import { test } from "node:test";
import type { JsMsg } from "@nats-io/jetstream";
import type { Msg, MsgHdrs } from "@nats-io/nats-core";
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { Budget } from "../../src/_budget.ts";
import { type Credit, CreditHeader, parseCredit, toAsk } from "../../src/_credit/wire.ts";
import { Assembler, type PendingPayload } from "../../src/chunked/_assemble/assembler.ts";
import { writeChunkHeaders } from "../../src/chunked/_format/headers.ts";
import {
  type AssemblerOptions,
  checkAssemblerOptions,
} from "../../src/chunked/assembler_options.ts";
import type { RejectedEvent } from "../../src/chunked/rejected_event.ts";
import { World } from "../credit/_world.ts";
import { bytes, idOf, startHash } from "./_chunks.ts";

/** An assembler in virtual time, and what it says. */
class Bench {
  readonly world: World = new World();
  readonly inbound: Budget = new Budget(1_000);
  readonly credits: (Credit & { to: string })[] = [];
  readonly events: RejectedEvent[] = [];
  readonly log: string[] = [];
  readonly assembler: Assembler;

  constructor(options: AssemblerOptions = {}) {
    const onRejected = (event: RejectedEvent): void => void this.events.push(event);
    this.assembler = new Assembler(checkAssemblerOptions({ ...options, onRejected }), startHash, {
      inbound: this.inbound,
      timers: this.world.timers(() => true),
    });
  }

  /** Lets time pass. */
  pass(ms: number): void {
    const until = this.world.now + ms;
    this.world.at(until, () => {});
    this.world.run(until, () => false);
  }

  get last(): Credit & { to: string } {
    return this.credits.at(-1)!;
  }

  /** A chunk of an upload with ten bytes in three chunks, as a sender with credit publishes it. */
  chunk(n: number, index: number, { reply = "inbox", digest = "", data }: ChunkOptions = {}): Msg {
    const headers = describe(n, index);
    if (reply) headers.set(CreditHeader.credit, "1");
    if (digest) headers.set("X-Payload-Digest", digest);
    return this.#message(headers, data ?? bytes(index === 2 ? 2 : 4, index + 1), reply);
  }

  ask(n: number, ask: number, reply = "inbox"): Msg {
    const headers = toAsk(describe(n, 0), ask);
    headers.set(CreditHeader.credit, "1");
    return this.#message(headers, bytes(0), reply);
  }

  /** A chunk as a consumer delivers it. What happens to it goes into the log. */
  stored(n: number, index: number, sequence: number = index + 1, ask?: number): JsMsg {
    const headers = ask === undefined ? describe(n, index) : toAsk(describe(n, index), ask);
    const write = (what: string) => (detail?: unknown): Promise<boolean> => {
      this.log.push(`${what} ${sequence}${typeof detail === "number" ? ` ${detail}` : ""}`);
      return Promise.resolve(true);
    };
    const info = { stream: "S", streamSequence: sequence, deliveryCount: 1 };
    const calls = Object.fromEntries(
      ["ack", "ackAck", "nak", "term", "working"].map((name) => [name, write(name)]),
    );
    const data = bytes(index === 2 ? 2 : 4, index + 1);
    return {
      subject: "uploads",
      headers,
      data,
      info,
      reply: "$JS.ACK.x",
      ...calls,
    } as unknown as JsMsg;
  }

  #message(headers: MsgHdrs, data: Uint8Array, reply: string): Msg {
    const respond = (_data: unknown, options: { headers: MsgHdrs }): boolean => {
      this.credits.push({ to: reply, ...parseCredit(options.headers)! });
      return true;
    };
    return { subject: "uploads", headers, data, reply, respond } as unknown as Msg;
  }
}

interface ChunkOptions {
  reply?: string;
  digest?: string;
  data?: Uint8Array;
}

function describe(n: number, index: number): MsgHdrs {
  const names = { filename: undefined, contentType: undefined };
  return writeChunkHeaders({ uploadId: idOf(n), chunkCount: 3, totalSize: 10, ...names }, index);
}

/** Pushes the three chunks, and returns the payload. */
function pushWhole(bench: Bench, messages: (Msg | JsMsg)[]): PendingPayload {
  const results = messages.map((message) => bench.assembler.push(message));
  const last = results.at(-1)!;
  assert(last.type === "complete", last.type);
  return last.payload as PendingPayload;
}

test("Assembler answers an ask with its number, a window and how far it has got", () => {
  const bench = new Bench();
  assertEquals(bench.assembler.push(bench.ask(1, 1)), { type: "ignored" });
  const { ask, next, window, status, uploadId } = bench.last;
  assertEquals([ask, next, window, status, uploadId], [1, 0, 10, "receiving", idOf(1)]);
  bench.assembler.push(bench.chunk(1, 0));
  bench.assembler.push(bench.chunk(1, 2));
  assertEquals(bench.credits.length, 1, "credit follows when the messages at hand are through");
  bench.pass(1);
  assertEquals([bench.last.next, bench.last.missing, bench.last.window], [1, [[1, 1]], 4]);
  bench.assembler.push(bench.ask(1, 2));
  assertEquals([bench.last.ask, bench.last.next], [2, 1]);
  bench.assembler.close();
});

test("Assembler repeats its credit every second until the payload is settled, then says complete", async () => {
  const bench = new Bench();
  bench.assembler.push(bench.ask(1, 1));
  const payload = pushWhole(bench, [0, 1, 2].map((index) => bench.chunk(1, index)));
  const before = bench.credits.length;
  bench.pass(10_000);
  const repeats = bench.credits.slice(before);
  assert(repeats.length >= 9 && repeats.length <= 11, `${repeats.length} credits in ten seconds`);
  for (const { next, window, status } of repeats) {
    assertEquals([next, window, status], [3, 0, "receiving"]);
  }
  await payload.ack();
  assertEquals([bench.last.status, bench.last.next], ["complete", 3]);
  const after = bench.credits.length;
  bench.pass(5_000);
  await payload.ack();
  payload.nak();
  assertEquals(bench.credits.length, after);
  bench.assembler.push(bench.ask(1, 7));
  assertEquals([bench.last.status, bench.last.ask], ["complete", 7], "also of a finished id");
  assertEquals(bench.assembler.push(bench.chunk(1, 1)).type, "duplicate");
  assertEquals(bench.inbound.used, 0);
});

test("Assembler answers window 0 while it is full, and as soon as there is room with more", async () => {
  const bench = new Bench({ maxUploads: 1 });
  bench.assembler.push(bench.ask(1, 1, "inbox1"));
  const payload = pushWhole(
    bench,
    [0, 1, 2].map((index) => bench.chunk(1, index, { reply: "inbox1" })),
  );
  bench.assembler.push(bench.ask(2, 1, "inbox2"));
  assertEquals([bench.last.to, bench.last.window], ["inbox2", 0]);
  const full = bench.assembler.push(bench.chunk(2, 0, { reply: "inbox2" }));
  assert(full.type === "rejected");
  assertEquals([full.event.reason, bench.last.window], ["full", 0]);
  await payload.ack();
  assertEquals([bench.last.to, bench.last.window], ["inbox2", 10]);
  bench.assembler.close();
});

test("Assembler evicts an upload that stalled for another one, but not one that waits for a window", () => {
  const bench = new Bench({ maxUploads: 1 });
  bench.assembler.push(bench.ask(1, 1, "inbox1"));
  bench.assembler.push(bench.chunk(1, 0, { reply: "inbox1" }));
  bench.pass(4_900);
  bench.assembler.push(bench.ask(2, 1, "inbox2"));
  assertEquals([bench.last.window, bench.events.length], [0, 0]);
  bench.pass(200);
  bench.assembler.push(bench.ask(2, 2, "inbox2"));
  assertEquals([bench.last.to, bench.last.window], ["inbox2", 10]);
  assertEquals(bench.events.map(({ reason, scope }) => [reason, scope]), [["evicted", "upload"]]);
  bench.assembler.push(bench.ask(1, 2, "inbox1"));
  assertEquals([bench.last.next, bench.last.status], [0, "receiving"], "no tombstone");
  bench.assembler.close();
});

test("Assembler refuses a second sender for ten seconds, and chunks with another reply subject", () => {
  const bench = new Bench();
  bench.assembler.push(bench.ask(1, 1, "first"));
  bench.assembler.push(bench.ask(1, 1, "second"));
  assertEquals([bench.last.to, bench.last.status, bench.last.reason], [
    "second",
    "rejected",
    "taken",
  ]);
  for (const reply of ["second", ""]) {
    const refused = bench.assembler.push(bench.chunk(1, 0, { reply }));
    assert(refused.type === "rejected");
    assertEquals(refused.event.reason, "taken");
  }
  assertEquals(bench.assembler.push(bench.chunk(1, 0, { reply: "first" })).type, "accepted");
  bench.pass(10_100);
  bench.assembler.push(bench.ask(1, 1, "second"));
  assertEquals([bench.last.to, bench.last.status, bench.last.next], ["second", "receiving", 1]);
  bench.assembler.close();
});

test("Assembler tells the sender of a conflict, and leaves the upload as it was", () => {
  const bench = new Bench();
  bench.assembler.push(bench.ask(1, 1));
  bench.assembler.push(bench.chunk(1, 0));
  const other = bench.chunk(1, 1);
  other.headers!.set("X-Filename", "other");
  const refused = bench.assembler.push(other);
  assert(refused.type === "rejected");
  assertEquals([refused.event.reason, refused.event.scope], ["conflict", "chunk"]);
  assertStringIncludes(bench.last.reason ?? "", 'filename is "other"');
  assertEquals(bench.assembler.push(bench.chunk(1, 1)).type, "accepted");
  assertEquals(bench.assembler.push(bench.chunk(1, 2)).type, "complete");
  bench.assembler.close();
});

test("Assembler rejects a payload with another digest, and its id for ten seconds", () => {
  const bench = new Bench();
  bench.assembler.push(bench.ask(1, 1));
  bench.assembler.push(bench.chunk(1, 0));
  bench.assembler.push(bench.chunk(1, 1));
  const corrupt = bench.assembler.push(
    bench.chunk(1, 2, { digest: `SHA-256=${"A".repeat(43)}=` }),
  );
  assert(corrupt.type === "rejected");
  assertEquals([corrupt.event.reason, bench.last.status], ["digest", "rejected"]);
  bench.assembler.push(bench.ask(1, 2));
  assertEquals(bench.last.status, "rejected");
  bench.pass(10_100);
  bench.assembler.push(bench.ask(1, 3));
  assertEquals([bench.last.status, bench.last.next], ["receiving", 0]);
  bench.assembler.close();
});

test("Assembler gives up an upload that gets nothing for idleTimeout, by its own timer", () => {
  const bench = new Bench({ idleTimeout: 3_000 });
  bench.assembler.push(bench.stored(1, 0));
  bench.assembler.push(bench.stored(1, 2));
  bench.pass(3_600);
  assertEquals(bench.events.map(({ reason }) => reason), ["idle"]);
  assertEquals(bench.log.map((line) => line.split(" ").slice(0, 2).join(" ")), ["nak 1", "nak 3"]);
  assert(bench.log.every((line) => Number(line.split(" ")[2]) >= 500), "with a delay");
  assertEquals(bench.assembler.push(bench.stored(1, 0)).type, "accepted");
  bench.assembler.close();
});

test("Assembler acknowledges JetStream's messages together, and late repeats at once", async () => {
  const bench = new Bench();
  const payload = pushWhole(bench, [bench.stored(1, 2), bench.stored(1, 0), bench.stored(1, 1)]);
  assertEquals(bench.assembler.push(bench.stored(1, 1)).type, "duplicate");
  assertEquals(bench.log, [], "one that is held, delivered again, stays");
  assertEquals(bench.assembler.push(bench.stored(1, 1, 9)).type, "duplicate");
  assertEquals(bench.log, ["ack 9"]);
  bench.pass(5_200);
  assertEquals(bench.log.slice(1), ["working 3", "working 1", "working 2"]);
  await payload.ack();
  assertEquals(bench.log.slice(4), ["ackAck 3", "ackAck 1", "ackAck 2"]);
  bench.assembler.push(bench.stored(1, 0, 10));
  assertEquals(bench.log.at(-1), "ack 10");
});

test("Assembler hands JetStream's messages back on nak(), and soon when the receiver leaves", () => {
  const bench = new Bench();
  pushWhole(bench, [0, 1, 2].map((index) => bench.stored(1, index))).nak(700);
  assertEquals(bench.log, ["nak 1 700", "nak 2 700", "nak 3 700"]);
  pushWhole(bench, [0, 1, 2].map((index) => bench.stored(1, index)));
  bench.assembler.push(bench.stored(2, 0, 8));
  bench.assembler.close();
  const left = bench.log.slice(3).map((line) => line.split(" "));
  assertEquals(left.map(([what, sequence]) => `${what} ${sequence}`), [
    "nak 1",
    "nak 2",
    "nak 3",
    "nak 8",
  ]);
  for (const [, , delay] of left) {
    assert(Number(delay) >= 50 && Number(delay) <= 100, `${delay} ms`);
  }
  assertThrows(() => bench.assembler.push(bench.stored(1, 0)), Error, "closed");
});

test("Assembler refuses a nak() with what is no delay, and leaves the payload as it was", () => {
  const bench = new Bench();
  const payload = pushWhole(bench, [0, 1, 2].map((index) => bench.stored(1, index)));
  for (const delay of [NaN, -5, Infinity]) {
    assertThrows(() => payload.nak(delay), RangeError, `delay is ${delay}, wanted is a number`);
  }
  assertEquals(bench.log, []);
  payload.nak(0);
  assertEquals(bench.log, ["nak 1 0", "nak 2 0", "nak 3 0"]);
});

test("Assembler terms what can never be right, and hands back what is only too much now", () => {
  const bench = new Bench({ maxUploads: 1, maxUploadBytes: 10 });
  bench.assembler.push(bench.stored(1, 0));
  bench.assembler.push(bench.stored(2, 0, 2));
  const malformed = bench.stored(1, 1, 3);
  malformed.headers!.set("X-Chunk-Index", "+1");
  bench.assembler.push(malformed);
  const large = bench.stored(3, 0, 4);
  large.headers!.set("X-Total-Size", "11");
  bench.assembler.push(large);
  assertEquals(bench.log.map((line) => line.split(" ").slice(0, 2).join(" ")), [
    "nak 2",
    "term 3",
    "term 4",
  ]);
  assertEquals(bench.events.map(({ reason }) => reason), ["full", "malformed", "too-large"]);
  bench.assembler.close();
});

test("Assembler acknowledges an ask that a stream has kept, and answers nobody", () => {
  const bench = new Bench();
  assertEquals(bench.assembler.push(bench.stored(1, 0, 5, 1)), { type: "ignored" });
  assertEquals([bench.log, bench.credits], [["ack 5"], []]);
});

test("Assembler.close() tells senders rejected: abandoned, and gives every window back", () => {
  const bench = new Bench();
  bench.assembler.push(bench.ask(1, 1, "waits"));
  bench.assembler.push(bench.ask(2, 1, "sends"));
  bench.assembler.push(bench.chunk(2, 0, { reply: "sends" }));
  bench.assembler.close();
  assertEquals([bench.last.to, bench.last.status, bench.last.reason], [
    "sends",
    "rejected",
    "abandoned",
  ]);
  assertEquals(bench.inbound.used, 0);
  const { length } = bench.credits;
  bench.pass(60_000);
  assertEquals(bench.credits.length, length);
});

test("Assembler forgets asks that nothing followed, and stops its timers then", () => {
  const bench = new Bench();
  bench.assembler.push(bench.ask(1, 1));
  assertEquals(bench.inbound.used, 10);
  bench.pass(11_000);
  assertEquals(bench.inbound.used, 0);
  assertEquals(bench.world.run(Infinity, () => false), false); // ends, for no timer is left
  assert(bench.world.now < 12_000);
});

test("Assembler.onRejected may throw without harm", () => {
  const throwing = new Assembler(
    checkAssemblerOptions({
      onRejected: () => {
        throw new Error("the application's mistake");
      },
    }),
    startHash,
    { inbound: new Budget(100), timers: new World().timers(() => true) },
  );
  const bench = new Bench();
  const bad = bench.chunk(1, 0, { reply: "", data: bytes(9) });
  assertEquals(throwing.push(bad).type, "rejected");
  assertEquals(throwing.push(bench.chunk(1, 0, { reply: "" })).type, "accepted");
  throwing.close();
});
