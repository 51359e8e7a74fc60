import { after, before, test } from "node:test";
import type { JetStreamClient } from "@nats-io/jetstream";
import { errors, type NatsConnection } from "@nats-io/nats-core";
import { assertEquals, assertRejects } from "@std/assert";
import { connect } from "../../src/connect/connect.ts";
import { BucketRefusedError, OutcomeUnknownError } from "../../src/errors.ts";
import {
  fetchBytes,
  type ObjectStore,
  openObjectStore,
  storeBytes,
} from "../../src/objects/mod.ts";
import { type NatsServer, startNatsServer } from "../../src/testing/mod.ts";
import { someBytes } from "./_support.ts";

let server: NatsServer;
let nc: NatsConnection;
let store: ObjectStore;
before(async () => {
  server = await startNatsServer();
  nc = await connect({ servers: server.url });
  store = await openObjectStore(nc, "lost", { create: true });
});
after(async () => {
  await nc?.close();
  await server?.stop();
});

type Publish = JetStreamClient["publish"];

/** The same store, whose metadata is published by `publishMeta`, told which attempt it is, from 1. */
function withMetaPublish(
  publishMeta: (attempt: number, send: () => ReturnType<Publish>) => ReturnType<Publish>,
): ObjectStore {
  let attempt = 0;
  const publish: Publish = (subject, payload, options) => {
    const send = (): ReturnType<Publish> => store.js.publish(subject, payload, options);
    return subject.includes(".M.") ? publishMeta(++attempt, send) : send();
  };
  return { ...store, js: Object.create(store.js, { publish: { value: publish } }) };
}

async function chunkSubjects(): Promise<Record<string, number>> {
  const options = { subjects_filter: "$O.lost.C.>" };
  const { state } = await store.jsm.streams.info("OBJ_lost", options);
  return state.subjects ?? {};
}

test("storeBytes() reports the version that is stored when the answer was lost", async () => {
  let attempts = 0;
  const deaf = withMetaPublish(async (attempt, send) => {
    attempts = attempt;
    await send();
    throw new errors.TimeoutError();
  });
  const first = await storeBytes(store, "a", someBytes(1_000, 1));
  const info = await storeBytes(deaf, "a", someBytes(2_000, 2));
  assertEquals(attempts, 1);
  assertEquals(await fetchBytes(store, "a"), someBytes(2_000, 2));
  assertEquals(info.revision > first.revision, true);
  assertEquals(await chunkSubjects(), { [`$O.lost.C.${info.nuid}`]: 1 });
});

test("storeBytes() publishes again when the question was lost", async () => {
  const flaky = withMetaPublish((attempt, send) =>
    attempt < 3 ? Promise.reject(new errors.TimeoutError()) : send()
  );
  const info = await storeBytes(flaky, "a", someBytes(3_000, 3));
  assertEquals(await fetchBytes(store, "a"), someBytes(3_000, 3));
  assertEquals(await chunkSubjects(), { [`$O.lost.C.${info.nuid}`]: 1 });
});

test("storeBytes() does not claim to know when others have written since a lost answer", async () => {
  const overtaken = withMetaPublish(async (_attempt, send) => {
    await send();
    await storeBytes(store, "a", someBytes(4_000, 4));
    throw new errors.TimeoutError();
  });
  await assertRejects(
    () => storeBytes(overtaken, "a", someBytes(5_000, 5)),
    OutcomeUnknownError,
    'store the object "a": the answer was lost',
  );
  // Above all, it was not published again: its chunks went when the other version replaced it.
  assertEquals(await fetchBytes(store, "a"), someBytes(4_000, 4));
});

test("storeBytes() keeps the chunks when it cannot tell, for the object may become visible", async () => {
  const before = Object.keys(await chunkSubjects());
  let late: (() => Promise<unknown>) | undefined;
  const silent = withMetaPublish((_attempt, send) => {
    late ??= send;
    return Promise.reject(new errors.TimeoutError());
  });
  await assertRejects(
    () => storeBytes(silent, "a", someBytes(6_000, 6), { timeout: 300 }),
    OutcomeUnknownError,
  );
  assertEquals(await fetchBytes(store, "a"), someBytes(4_000, 4));
  assertEquals(Object.keys(await chunkSubjects()).length, before.length + 1);
  await late!();
  assertEquals(await fetchBytes(store, "a"), someBytes(6_000, 6));
});

test("storeBytes() reads the version before again when another writer was faster", async () => {
  const before = await chunkSubjects();
  const late = withMetaPublish(async (attempt, send) => {
    if (attempt === 1) await storeBytes(store, "b", someBytes(100, 7));
    return await send();
  });
  const info = await storeBytes(late, "b", someBytes(200, 8));
  assertEquals(await fetchBytes(store, "b"), someBytes(200, 8));
  assertEquals(await chunkSubjects(), { ...before, [`$O.lost.C.${info.nuid}`]: 1 });
});

test("storeBytes() removes its chunks when the server says no to the metadata", async () => {
  const before = await chunkSubjects();
  const info = await store.jsm.streams.info("OBJ_lost");
  const refused = withMetaPublish(async (_attempt, send) => {
    await store.jsm.streams.update("OBJ_lost", { ...info.config, max_msg_size: 50 });
    return await send();
  });
  const error = await assertRejects(
    () => storeBytes(refused, "c", Uint8Array.of(1)),
    BucketRefusedError,
    'object store "lost" does not store the object "c": message size exceeds',
  );
  assertEquals(error.code, 10054);
  await store.jsm.streams.update("OBJ_lost", { ...info.config, max_msg_size: -1 });
  assertEquals(await chunkSubjects(), before);
  assertEquals(await fetchBytes(store, "c"), null);
});
