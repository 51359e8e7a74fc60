import { test } from "node:test";
import type { Msg, MsgHdrs } from "@nats-io/nats-core";
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { Budget } from "../../src/_budget.ts";
import { type Credit, CreditHeader, parseCredit, toAsk } from "../../src/_credit/wire.ts";
import type { UploadContext, UploadHandler } from "../../src/_upload.ts";
import { CoreReception } from "../../src/chunked/_receive/core_reception.ts";
import { writeChunkHeaders } from "../../src/chunked/_format/headers.ts";
import {
  checkReceiveOptions,
  type ReceiveChunkedOptions,
} from "../../src/chunked/receive_options.ts";
import type { RejectedEvent } from "../../src/chunked/rejected_event.ts";
import { UploadAbandonedError } from "../../src/errors.ts";
import { World } from "../credit/_world.ts";
import { bytes, idOf, startHash } from "./_chunks.ts";

/** Every upload has so many bytes, in ten chunks. */
const SIZE = 10_000;
const CHUNK = 1_000;

/** A reception in virtual time, with handlers that take what they are let. */
class Bench {
  readonly world: World = new World();
  readonly inbound: Budget;
  readonly credits: (Credit & { to: string })[] = [];
  readonly events: RejectedEvent[] = [];
  readonly contexts = new Map<string, UploadContext>();
  readonly reception: CoreReception;
  /** Readers of the uploads' streams, and how to end their handlers. */
  readonly #readers = new Map<string, ReadableStreamDefaultReader<Uint8Array>>();
  readonly #ends = new Map<string, { resolve: () => void; reject: (error: unknown) => void }>();

  constructor({ size = 5_000, handler, ...options }: ReceiveChunkedOptions & {
    size?: number;
    handler?: UploadHandler;
  } = {}) {
    this.inbound = new Budget(size);
    const onRejected = (event: RejectedEvent): void => void this.events.push(event);
    this.reception = new CoreReception(
      handler ?? ((stream, context) => {
        this.contexts.set(context.uploadId, context);
        this.#readers.set(context.uploadId, stream.getReader());
        return new Promise((resolve, reject) => {
          this.#ends.set(context.uploadId, { resolve, reject });
        });
      }),
      checkReceiveOptions("subject", { ...options, onRejected }),
      { startHash, inbound: this.inbound, timers: this.world.timers(() => true) },
    );
  }

  /** Lets time pass, and handlers run. */
  async pass(ms = 0): Promise<void> {
    const until = this.world.now + ms;
    for (let step = 0; step <= 10; step++) {
      await turn();
      const to = this.world.now + (until - this.world.now) / (10 - Math.min(step, 9));
      this.world.at(to, () => {});
      this.world.run(to, () => false);
    }
    await turn();
  }

  /** The last credit for an upload. */
  last(n: number): Credit & { to: string } {
    return this.credits.findLast(({ uploadId }) => uploadId === idOf(n))!;
  }

  /** A sender's chunk; one of version 1 has no reply. */
  chunk(
    n: number,
    index: number,
    { reply = `inbox-${n}`, digest = "", data = bytes(CHUNK, index) } = {},
  ): string {
    const headers = describe(n, index);
    if (reply) headers.set(CreditHeader.credit, "1");
    if (digest) headers.set("X-Payload-Digest", digest);
    return this.#push(headers, data, reply);
  }

  ask(n: number, ask: number, reply = `inbox-${n}`): string {
    const headers = toAsk(describe(n, 0), ask);
    headers.set(CreditHeader.credit, "1");
    return this.#push(headers, bytes(0), reply);
  }

  /** Has the handler take so many chunks; returns the first byte of each, `undefined` where it waits. */
  async take(n: number, count: number): Promise<(number | undefined)[]> {
    await this.pass();
    const reader = this.#readers.get(idOf(n))!;
    const got: (number | undefined)[] = new Array(count).fill(undefined);
    for (let at = 0; at < count; at++) {
      void reader.read().then(({ value }) => void (got[at] = value?.[0])).catch(() => {});
    }
    await this.pass();
    return got;
  }

  async finish(n: number, error?: unknown): Promise<void> {
    const end = this.#ends.get(idOf(n))!;
    if (error) end.reject(error);
    else end.resolve();
    await this.pass();
  }

  #push(headers: MsgHdrs, data: Uint8Array, reply: string): string {
    const respond = (_data: unknown, options: { headers: MsgHdrs }): boolean => {
      this.credits.push({ to: reply, ...parseCredit(options.headers)! });
      return true;
    };
    const message = { subject: "uploads", headers, data, reply, respond } as unknown as Msg;
    const result = this.reception.push(message);
    return result.type === "rejected" ? result.event.reason : result.type;
  }
}

function describe(n: number, index: number): MsgHdrs {
  const names = { filename: undefined, contentType: undefined };
  return writeChunkHeaders({ uploadId: idOf(n), chunkCount: 10, totalSize: SIZE, ...names }, index);
}

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

test("CoreReception grants what the buffer can hold, and no more until the handler takes it", async () => {
  const bench = new Bench();
  bench.ask(1, 1);
  assertEquals([bench.last(1).window, bench.last(1).next], [5_000, 0]);
  for (let index = 0; index < 5; index++) assertEquals(bench.chunk(1, index), "accepted");
  await bench.pass();
  assertEquals([bench.last(1).window, bench.last(1).next, bench.inbound.used], [0, 5, 5_000]);
  bench.ask(1, 2);
  assertEquals([bench.last(1).window, bench.last(1).ask], [0, 2]);
  assertEquals(await bench.take(1, 2), [0, 1]);
  assertEquals([bench.last(1).window, bench.last(1).next, bench.inbound.used], [2_000, 5, 5_000]);
  assertEquals([bench.chunk(1, 5), bench.chunk(1, 6)], ["accepted", "accepted"]);
  await bench.pass();
  assertEquals([bench.last(1).window, bench.last(1).next], [0, 7]);
});

test("CoreReception does not take over what it has no room for", async () => {
  const bench = new Bench();
  bench.ask(1, 1);
  for (let index = 0; index < 5; index++) bench.chunk(1, index);
  assertEquals(bench.chunk(1, 5), "duplicate"); // nothing was granted for it
  await bench.pass();
  assertEquals([bench.last(1).next, bench.inbound.used, bench.events], [5, 5_000, []]);
  await bench.take(1, 5);
  for (let index = 5; index < 10; index++) assertEquals(bench.chunk(1, index), "accepted");
  await bench.pass();
  assertEquals([bench.last(1).next, bench.last(1).status], [10, "receiving"]);
  assertEquals((await bench.take(1, 5))[4], 9);
  await bench.finish(1);
  assertEquals([bench.last(1).status, bench.inbound.used], ["complete", 0]);
});

test("CoreReception keeps early chunks while there is room, and lists what is missing", async () => {
  const bench = new Bench({ size: 10_000 });
  bench.ask(1, 1);
  bench.chunk(1, 0);
  bench.chunk(1, 2);
  bench.chunk(1, 4);
  await bench.pass();
  assertEquals([bench.last(1).next, bench.last(1).missing], [1, [[1, 1], [3, 3]]]);
  assertEquals(await bench.take(1, 2), [0, undefined]);
  bench.chunk(1, 1);
  await bench.pass();
  assertEquals([bench.last(1).next, bench.last(1).missing], [3, [[3, 3]]]);
});

test("CoreReception gives a handler that waits its next chunk, however full the buffer is", async () => {
  const bench = new Bench({ size: 5_111 }); // a chunk of an upload that only asked may have 1,111 bytes
  bench.ask(1, 1);
  for (let index = 0; index < 5; index++) bench.chunk(1, index); // its handler takes none of them
  await bench.pass();
  bench.ask(2, 1);
  assertEquals([bench.last(1).next, bench.last(2).window, bench.inbound.used], [5, 0, 5_000]);
  await bench.take(1, 1);
  assertEquals(bench.last(2).window, 1_111); // the place that became free is the newcomer's
  assertEquals(bench.chunk(2, 0), "accepted");
  bench.inbound.adjust(1_111); // others on the connection
  await bench.pass();
  assertEquals([bench.last(2).next, bench.last(2).window], [1, 0]);
  assertEquals(await bench.take(2, 2), [0, undefined]);
  for (let index = 1; index < 10; index++) {
    assertEquals([bench.last(2).next, bench.last(2).window, bench.last(1).window], [
      index,
      1_000,
      0,
    ]);
    assertEquals(bench.inbound.used, 6_111); // one chunk more than the budget, on its way to the one that waits
    assertEquals(bench.chunk(2, index), "accepted");
    await bench.take(2, 1);
  }
  await bench.finish(2);
  assertEquals([bench.last(2).status, bench.inbound.used], ["complete", 5_111]);
});

test("CoreReception lets a sender wait while maxUploads are under way", async () => {
  const bench = new Bench({ maxUploads: 1, size: 50_000 });
  bench.ask(1, 1);
  bench.ask(2, 1);
  assertEquals([bench.last(1).window > 0, bench.last(2).window], [true, 0]);
  assertEquals([bench.chunk(1, 0), bench.chunk(2, 0)], ["accepted", "full"]);
  for (let index = 1; index < 10; index++) bench.chunk(1, index);
  await bench.take(1, 10);
  bench.ask(2, 2);
  assertEquals(bench.last(2).window, 0);
  await bench.finish(1);
  assertEquals([bench.last(1).status, bench.last(2).window > 0], ["complete", true]);
  assertEquals(bench.events.map(({ reason, scope }) => [reason, scope]), [["full", "chunk"]]);
});

test("CoreReception evicts an upload that does not use its window when another one wants the place", async () => {
  const bench = new Bench({ maxUploads: 1 });
  bench.ask(1, 1);
  bench.chunk(1, 0);
  await bench.take(1, 2);
  await bench.pass(4_900);
  bench.ask(2, 1);
  assertEquals(bench.last(2).window, 0);
  await bench.pass(200);
  bench.ask(2, 2);
  assert(bench.last(2).window > 0);
  assertEquals(bench.events.map(({ reason, scope }) => [reason, scope]), [["evicted", "upload"]]);
  const { signal } = bench.contexts.get(idOf(1))!;
  assertInstanceOf(signal.reason, UploadAbandonedError);
  assertEquals(signal.reason.reason, "evicted");
  assertEquals(bench.last(1).status, "receiving"); // it may come again
});

test("CoreReception does not evict, or call idle, an upload whose handler is busy", async () => {
  const bench = new Bench({ maxUploads: 1, idleTimeout: 10_000 });
  bench.ask(1, 1);
  for (let index = 0; index < 5; index++) bench.chunk(1, index);
  for (let ask = 1; ask < 20; ask++) {
    await bench.pass(1_000);
    bench.ask(2, ask);
  }
  assertEquals([bench.events, bench.last(2).window], [[], 0]);
  await bench.take(1, 6); // now it waits, since this moment
  await bench.pass(4_000);
  bench.ask(2, 20);
  assertEquals([bench.events, bench.last(2).window], [[], 0]);
});

test("CoreReception gives up an upload of which nothing comes for idleTimeout", async () => {
  const bench = new Bench({ idleTimeout: 60_000 });
  bench.ask(1, 1);
  bench.chunk(1, 0);
  await bench.take(1, 2);
  await bench.pass(59_000);
  assertEquals(bench.events, []);
  await bench.pass(2_000);
  const [event] = bench.events;
  assertEquals([event!.reason, event!.scope, bench.inbound.used], ["idle", "upload", 0]);
  assert(event!.message.includes("1000 of 10000 bytes"), event!.message);
  assertEquals(bench.contexts.get(idOf(1))!.signal.aborted, true);
  assertEquals(bench.reception.isQuiet, true);
  bench.ask(1, 2); // a resuming sender begins anew
  assertEquals([bench.last(1).next, bench.last(1).window > 0], [0, true]);
});

test("CoreReception hands an upload to another sender after ten seconds of silence", async () => {
  const bench = new Bench();
  bench.ask(1, 1);
  bench.chunk(1, 0);
  bench.chunk(1, 1);
  await bench.take(1, 3);
  await bench.pass(9_000);
  bench.ask(1, 1, "another");
  assertEquals([bench.last(1).to, bench.last(1).reason], ["another", "taken"]);
  assertEquals(bench.chunk(1, 2, { reply: "" }), "taken");
  await bench.pass(1_500);
  bench.ask(1, 2, "another");
  assertEquals([bench.last(1).to, bench.last(1).status, bench.last(1).next], [
    "another",
    "receiving",
    2,
  ]);
  assertEquals(bench.chunk(1, 2), "taken");
  for (let index = 2; index < 10; index++) {
    assertEquals(bench.chunk(1, index, { reply: "another" }), "accepted");
    await bench.take(1, 1);
  }
  await bench.finish(1);
  assertEquals([bench.last(1).to, bench.last(1).status], ["another", "complete"]);
});

test("CoreReception repeats its credit every second while the handler works", async () => {
  const bench = new Bench({ size: 50_000 });
  bench.ask(1, 1);
  for (let index = 0; index < 10; index++) bench.chunk(1, index);
  await bench.take(1, 11);
  const before = bench.credits.length;
  await bench.pass(10_000);
  const repeated = bench.credits.slice(before);
  assert(repeated.length >= 9 && repeated.length <= 11, `${repeated.length} credits`);
  assertEquals(repeated.every(({ next, status }) => next === 10 && status === "receiving"), true);
  await bench.finish(1);
  assertEquals(bench.last(1).status, "complete");
  bench.ask(1, 5);
  assertEquals([bench.last(1).status, bench.last(1).ask], ["complete", 5]);
  assertEquals(bench.chunk(1, 3), "duplicate");
});

test("CoreReception remembers a failed upload for ten seconds", async () => {
  const bench = new Bench();
  bench.ask(1, 1);
  bench.chunk(1, 0);
  await bench.pass();
  const error = new Error("secret");
  await bench.finish(1, error);
  assertEquals([bench.last(1).status, bench.last(1).reason], ["rejected", "the handler failed"]);
  assertEquals(bench.events.map(({ reason, error }) => [reason, error]), [["failed", error]]);
  assertEquals([bench.ask(1, 2), bench.chunk(1, 1), bench.inbound.used], [
    "rejected",
    "rejected",
    0,
  ]);
  await bench.pass(10_001);
  assertEquals([bench.ask(1, 3), bench.last(1).next], ["ignored", 0]);
  assert(bench.last(1).window > 0);
});

test("CoreReception refuses a wrong digest, and conflicts, by name", async () => {
  const bench = new Bench({ size: 50_000 });
  bench.ask(1, 1);
  for (let index = 0; index < 9; index++) bench.chunk(1, index);
  assertEquals(bench.chunk(1, 9, { data: bytes(999) }), "length");
  const digest = `SHA-256=${"A".repeat(43)}=`;
  assertEquals(bench.chunk(1, 9, { digest }), "accepted");
  await bench.pass();
  assertEquals([bench.last(1).status, bench.events.at(-1)!.reason], ["rejected", "digest"]);
  assertEquals([bench.inbound.used, bench.reception.isQuiet], [0, true]);
});

test("CoreReception takes version-1 senders as long as there is room", async () => {
  const bench = new Bench();
  for (let index = 0; index < 5; index++) {
    assertEquals(bench.chunk(1, index, { reply: "" }), "accepted");
  }
  await bench.take(1, 2);
  assertEquals(bench.chunk(1, 5, { reply: "" }), "accepted");
  assertEquals(bench.chunk(1, 6, { reply: "" }), "accepted");
  assertEquals(bench.chunk(1, 7, { reply: "" }), "full");
  assertEquals(bench.chunk(1, 8, { reply: "" }), "rejected");
  assertEquals([bench.inbound.used, bench.credits], [0, []]);
  assertEquals(bench.events.map(({ reason, scope }) => [reason, scope]), [
    ["full", "upload"],
    ["rejected", "chunk"],
  ]);
});

test("CoreReception does not count windows against a version-1 sender", async () => {
  const bench = new Bench();
  bench.ask(1, 1);
  assertEquals([bench.last(1).window, bench.inbound.used], [5_000, 5_000]);
  assertEquals(bench.chunk(2, 0, { reply: "" }), "accepted");
  assertEquals(await bench.take(2, 1), [0]);
});

test("CoreReception.leave() goes on with what has begun, and answers nobody else", async () => {
  const bench = new Bench();
  bench.ask(1, 1);
  bench.chunk(1, 0);
  bench.reception.leave();
  assertEquals([bench.ask(2, 1), bench.chunk(3, 0, { reply: "" })], ["ignored", "ignored"]);
  assertEquals([bench.last(2), bench.reception.isQuiet], [undefined, false]);
  for (let index = 1; index < 10; index++) {
    bench.ask(1, index + 1);
    await bench.take(1, 1);
    assertEquals(bench.chunk(1, index), "accepted");
  }
  let isQuiet = false;
  bench.reception.onQuiet = () => void (isQuiet = true);
  await bench.take(1, 2);
  await bench.finish(1);
  assertEquals([bench.last(1).status, isQuiet], ["complete", true]);
});

test("CoreReception.close() gives everything up and leaves nothing behind", async () => {
  const bench = new Bench();
  bench.ask(1, 1);
  bench.chunk(1, 0);
  bench.ask(2, 1);
  await bench.pass();
  bench.reception.close();
  assertEquals([bench.last(1).status, bench.last(1).reason], ["rejected", "abandoned"]);
  assertEquals(bench.contexts.get(idOf(1))!.signal.aborted, true);
  assertEquals([bench.inbound.used, bench.reception.isQuiet], [0, true]);
  assertEquals([bench.ask(1, 2), bench.chunk(1, 1)], ["ignored", "ignored"]);
  await bench.finish(1); // too late
  const { length } = bench.credits;
  await bench.pass(60_000);
  assertEquals(bench.credits.length, length);
  // No timer is left: nothing happens in the world any more.
  let ran = 0;
  bench.world.run(bench.world.now + 1e9, () => (ran++, false));
  assertEquals(ran <= 1, true);
});
