import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { countGarbage } from "../src/_garbage.ts";

interface Host {
  Bun?: { gc?: (wait: boolean) => unknown };
}

/** Runs `work`, and returns what was asked of the runtime's collector meanwhile. */
function collections(work: () => void, hasCollector = true): boolean[] {
  const asked: boolean[] = [];
  const scope = globalThis as Host;
  const isMissing = scope.Bun === undefined;
  const bun = scope.Bun ??= {};
  const { gc } = bun;
  Object.assign(bun, { gc: hasCollector ? (wait: boolean) => void asked.push(wait) : undefined });
  try {
    work();
  } finally {
    Object.assign(bun, { gc });
    if (isMissing) delete scope.Bun;
  }
  return asked;
}

/** Starts the count at nought, whatever was counted before. */
function startAnew(): void {
  collections(() => countGarbage(32_000_000));
}

test("countGarbage() asks for a collection after every 32 MB, without waiting for it", () => {
  startAnew();
  const asked = collections(() => {
    for (let chunk = 0; chunk < 15; chunk++) countGarbage(2_000_000);
  });
  assertEquals(asked, []);
  assertEquals(collections(() => countGarbage(2_000_000)), [false]);
  assertEquals(collections(() => countGarbage(31_999_999)), []);
  assertEquals(collections(() => countGarbage(1)), [false]);
});

test("countGarbage() does nothing where the runtime cannot be asked", () => {
  startAnew();
  assertEquals(collections(() => countGarbage(100_000_000), false), []);
});
