import type { DirectStreamAPI, JetStreamManager } from "@nats-io/jetstream";
import type { ObjectStore } from "../../src/objects/mod.ts";

/** Bytes that look random and are the same every time. */
export function someBytes(size: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(size);
  let state = seed >>> 0 || 1;
  for (let index = 0; index < size; index++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes[index] = state;
  }
  return bytes;
}

/** Resolves when `holds` does; fails after ten seconds. */
export async function eventually(
  holds: () => Promise<boolean> | boolean,
  what: string,
): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`not within ten seconds: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The same store, which calls `onChunk` before each read of a chunk with its number, from 1. */
export function onEachChunk(
  store: ObjectStore,
  onChunk: (count: number) => Promise<unknown> | void,
): ObjectStore {
  let count = 0;
  const { direct } = store.jsm;
  const watched: Pick<DirectStreamAPI, "getMessage"> = {
    getMessage: async (stream, query) => {
      if ("next_by_subj" in query) await onChunk(++count);
      return await direct.getMessage(stream, query);
    },
  };
  const jsm: JetStreamManager = Object.create(store.jsm, { direct: { value: watched } });
  return { ...store, jsm };
}
