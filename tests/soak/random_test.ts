import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { createRandom, seedOf } from "../../soak/random.ts";

function take(seed: number, count = 1_000): number[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, () => random.between(10, 20));
}

test("createRandom() gives the same numbers for the same seed, and others for another", () => {
  assertEquals(take(7), take(7));
  assert(take(7)[0] !== take(8)[0], "two seeds began alike");
});

test("createRandom() stays within its bounds and spreads over them", () => {
  const numbers = take(3);
  assert(numbers.every((number) => number >= 10 && number < 20), "out of bounds");
  const mean = numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
  assert(mean > 14.5 && mean < 15.5, `the mean is ${mean}`);
  const random = createRandom(4);
  const counts = [0, 0, 0];
  for (let n = 0; n < 3_000; n++) counts[random.below(3)]!++;
  assert(Math.min(...counts) > 900, counts.join(" "));
  assert(["a", "b"].includes(random.pick(["a", "b"])));
});

test("seedOf() differs by name and by seed", () => {
  const seeds = [seedOf(1, "a 1"), seedOf(1, "a 2"), seedOf(2, "a 1"), seedOf(1, "b 1")];
  assertEquals(new Set(seeds).size, 4);
  assertEquals(seedOf(1, "a 1"), seeds[0]);
});
