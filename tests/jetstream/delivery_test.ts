import { assertEquals } from "@std/assert";
import { test } from "node:test";
import { parseDelivery } from "../../src/_jetstream/delivery.ts";

const STORED_AT = 1_700_000_000_123;
const NANOS = "1700000000123000000";

test("parseDelivery() reads an ack subject of nine tokens", () => {
  const ack = `$JS.ACK.UPLOADS.receiver.3.42.7.${NANOS}.11`;
  assertEquals(parseDelivery(ack), {
    ack,
    sequence: 42,
    consumerSequence: 7,
    deliveryCount: 3,
    storedAt: STORED_AT,
    pending: 11,
  });
});

test("parseDelivery() reads an ack subject with domain and account", () => {
  for (const random of ["", ".x7Kq"]) {
    const ack = `$JS.ACK.hub.ACC.UPLOADS.receiver.1.9.2.${NANOS}.0${random}`;
    assertEquals(parseDelivery(ack), {
      ack,
      sequence: 9,
      consumerSequence: 2,
      deliveryCount: 1,
      storedAt: STORED_AT,
      pending: 0,
    });
  }
});

test("parseDelivery() takes nothing else for an ack subject", () => {
  for (
    const reply of [
      undefined,
      "",
      "_INBOX.abc",
      "$JS.ACK",
      "$JS.ACK.UPLOADS.receiver.1.2",
      `$JS.ACK.UPLOADS.receiver.x.42.7.${NANOS}.11`,
      `$JS.ACK.a.b.UPLOADS.receiver.1.9.2.${NANOS}`,
    ]
  ) assertEquals(parseDelivery(reply), undefined, String(reply));
});
