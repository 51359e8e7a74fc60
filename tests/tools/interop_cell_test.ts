import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { type Cell, formatResults, runTables } from "../../tools/interop/cell.ts";

const cell = (row: string, column: string, failure?: string): Cell => ({
  row,
  column,
  run: () => failure === undefined ? Promise.resolve() : Promise.reject(new Error(failure)),
});

test("runTables() counts cells, and prints a reason once for all who have it", async () => {
  const printed: string[] = [];
  const tables = [
    { title: "One", cells: [cell("a", "x"), cell("a", "y", "broken"), cell("b", "x", "broken")] },
    { title: "Two", cells: [cell("c", "z")] },
  ];
  assertEquals(await runTables(tables, 2, (text) => printed.push(text)), { passed: 2, failed: 2 });
  const texts = printed.map((text) => text.replaceAll(/\d+\.\d\d s/g, "T").split("\n"));
  assertEquals(texts.map(([first]) => first), ["One", "FAIL a, y (and 1 more)", "Two"]);
  assertEquals(texts[1]![1], "     broken");
});

test("runTables() runs one row in its order, and rows side by side", async () => {
  const order: string[] = [];
  const first = Promise.withResolvers<void>();
  const noted = (row: string, column: string, until?: Promise<void>): Cell => ({
    row,
    column,
    run: async () => {
      await until;
      order.push(row + column);
      if (row === "b" && column === "2") first.resolve();
    },
  });
  const cells = [noted("a", "1", first.promise), noted("a", "2"), noted("b", "1"), noted("b", "2")];
  const outcome = await runTables([{ title: "", cells }], 2, () => {});
  assertEquals([order, outcome], [["b1", "b2", "a1", "a2"], { passed: 4, failed: 0 }]);
});

test("formatResults() leaves a place empty where a row has no such cell", () => {
  const results = [
    { cell: cell("a", "x"), ms: 1_234 },
    { cell: cell("bb", "y"), ms: 10, failure: "broken" },
  ];
  assertEquals(
    formatResults(results).split("\n"),
    [
      "          x            y",
      "--  ---------  -----------",
      "a   ok 1.23 s",
      "bb             FAIL 0.01 s",
    ].map((line, at) => at === 0 ? "            x            y" : line),
  );
});
