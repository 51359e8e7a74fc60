import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { formatTable } from "../../tools/format_table.ts";

test("formatTable() lines columns up, the first to the left and the others to the right", () => {
  assertEquals(
    formatTable([["what", "MB/s"], ["a", "1"], ["longer", "12345"]]),
    "what     MB/s\n------  -----\na           1\nlonger  12345",
  );
});

test("formatTable() leaves no blanks at the end of a line", () => {
  assertEquals(formatTable([["what", ""], ["a", ""]]).split("\n").at(-1), "a");
});
