import { test } from "node:test";
import { assertEquals } from "@std/assert";
import type { Delivery } from "../../src/_jetstream/delivery.ts";
import { Strays } from "../../src/chunked/_receive_stream/stream_strays.ts";
import { idOf, infoOf } from "./_chunks.ts";

function delivered(sequence: number, deliveryCount = 1): Delivery {
  const ack = "$JS.ACK";
  return { ack, sequence, deliveryCount, consumerSequence: sequence, storedAt: 1, pending: 0 };
}

function fail(): never {
  throw new Error("nothing had to be forgotten");
}

test("Strays.note() counts each message once, and tells of news until it was looked at", () => {
  const strays = new Strays(fail);
  strays.note(infoOf(1), 4, delivered(7));
  strays.note(infoOf(2), 2, delivered(9));
  strays.note(infoOf(1), 4, delivered(7, 2));
  const stray = strays.get(infoOf(0))!;
  assertEquals(stray, { first: 7, last: 9, bytes: 6, isNews: true });
  stray.isNews = false;
  strays.note(infoOf(2), 2, delivered(9, 3));
  assertEquals(strays.get(infoOf(0))!.isNews, false);
  strays.forget(infoOf(0));
  assertEquals(strays.get(infoOf(0)), undefined);
});

test("Strays.note() keeps apart what has the same id and another size or count", () => {
  const strays = new Strays(fail);
  strays.note(infoOf(1, { totalSize: 11 }), 4, delivered(1));
  strays.note(infoOf(1, { chunkCount: 4 }), 4, delivered(2));
  assertEquals(strays.get(infoOf(0)), undefined);
});

test("Strays.note() says so when it forgets, the oldest first", () => {
  let forgotten = 0;
  const strays = new Strays(() => void forgotten++);
  const note = (n: number): void => strays.note(infoOf(1, { uploadId: idOf(n) }), 4, delivered(n));
  for (let n = 1; n <= 50_000; n++) note(n);
  assertEquals(forgotten, 0);
  note(50_001);
  assertEquals(forgotten, 1);
  assertEquals(strays.get(infoOf(0, { uploadId: idOf(1) })), undefined);
  assertEquals(strays.get(infoOf(0, { uploadId: idOf(50_001) }))!.bytes, 4);
});
