import { assert, assertEquals } from "@std/assert";
import { after, before, test } from "node:test";
import { isLent, lend } from "../../src/_lent.ts";
import { reserveBodies, sendLentBytes } from "../../src/connect/_large_messages.ts";
import { connect } from "../../mod.ts";
import { type NatsServer, startNatsServer } from "../../src/testing/mod.ts";

let server: NatsServer;
before(async () => {
  server = await startNatsServer({ jetstream: false, maxPayload: 8 * 1024 * 1024 });
});
after(() => server?.stop());

/** Bytes that tell where they were. */
function numbered(size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, at) => (at * 7 + (at >> 8)) & 255);
}

/** A protocol handler that is connected to nowhere, and what it sends. */
function protocolWith(buffers: Uint8Array[]) {
  const sent: Uint8Array[] = [];
  const official: string[] = [];
  const byteLength = buffers.reduce((sum, { length }) => sum + length, 0);
  const protocol = {
    connected: true,
    infoReceived: true,
    transport: { send: (frame: Uint8Array) => void sent.push(frame) },
    outbound: { buffers, byteLength },
    flushPending: () => void official.push("packed"),
  };
  return { protocol, sent, official };
}

test("lend() marks a view, and leaves the caller's array and small ones alone", () => {
  const bytes = new Uint8Array(65_536);
  const view = lend(bytes);
  assert(isLent(view));
  assert(!isLent(bytes), "the caller's own array is marked");
  assertEquals([view.buffer, view.byteOffset, view.length], [bytes.buffer, 0, 65_536]);
  const small = new Uint8Array(65_535);
  assertEquals(lend(small), small);
  assert(!isLent(lend(small)));
});

test("sendLentBytes() sends lent bytes as they are, in their order among the others", () => {
  const [a, b] = [lend(numbered(70_000)), lend(numbered(80_000))];
  const parts = [
    Uint8Array.of(1, 2),
    Uint8Array.of(3),
    a,
    Uint8Array.of(4),
    b,
    Uint8Array.of(5, 6),
  ];
  const { protocol, sent, official } = protocolWith(parts);
  sendLentBytes(protocol);
  protocol.flushPending();
  assertEquals(sent.map((frame) => frame === a ? "a" : frame === b ? "b" : [...frame]), [
    [1, 2, 3],
    "a",
    [4],
    "b",
    [5, 6],
  ]);
  assertEquals(official, []);
  assertEquals(protocol.outbound, { buffers: [], byteLength: 0 });
});

test("sendLentBytes() leaves everything else to the official handler", () => {
  const { protocol, sent, official } = protocolWith([Uint8Array.of(1), numbered(70_000)]);
  sendLentBytes(protocol);
  protocol.flushPending();
  assertEquals([sent.length, official], [0, ["packed"]]);

  const waiting = protocolWith([lend(numbered(70_000))]);
  sendLentBytes(waiting.protocol);
  waiting.protocol.connected = false;
  waiting.protocol.flushPending();
  assertEquals([waiting.sent.length, waiting.protocol.outbound.buffers.length], [0, 1]);
});

test("reserveBodies() does nothing where the parser is not the one that it knows", () => {
  reserveBodies({});
  reserveBodies({ parser: {} });
});

test("connect() receives a large body in memory of its own size", async () => {
  await using nc = await connect({ servers: server.url });
  const subscription = nc.subscribe("large", { max: 3 });
  const body = numbered(3_000_000);
  for (let nth = 0; nth < 3; nth++) nc.publish("large", body);
  for await (const { data } of subscription) {
    assertEquals(data.length, body.length);
    assert(data.every((byte, at) => byte === body[at]), "the body differs");
    const kept = data.buffer.byteLength;
    assertEquals(kept, 46 * 65_536, "the body's length, and what is left of 64 KiB");
  }
});

test("connect() sends lent bytes whole, between other messages and in their order", async () => {
  await using nc = await connect({ servers: server.url });
  const subscription = nc.subscribe("order", { max: 40 });
  const body = numbered(1_000_000);
  for (let nth = 0; nth < 20; nth++) {
    nc.publish("order", `small ${nth}`);
    nc.publish("order", lend(body), { reply: `reply.${nth}` });
  }
  let nth = 0;
  for await (const message of subscription) {
    if (nth % 2 === 0) assertEquals(message.string(), `small ${nth / 2}`);
    else {
      assertEquals(message.reply, `reply.${(nth - 1) / 2}`);
      assert(message.data.every((byte, at) => byte === body[at]), `body ${nth} differs`);
    }
    nth++;
  }
  assertEquals(nth, 40);
});
