import { writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { numberedName, safeFileName } from "../../src/adapters/files/_safe_name.ts";
import { makeFolder } from "./_uploads.ts";

const ID = "0d5f2d0e-8f0a-4c43-9d27-1c9a4f6b2f11";

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}

/** What a sender calls it, and what the file is called. */
const NAMES: [given: string | undefined, wanted: string][] = [
  ["report.pdf", "report.pdf"],
  ["Übersicht – 報告 😀.pdf", "Übersicht – 報告 😀.pdf"],
  ["e\u0301te\u0301.txt", "e\u0301te\u0301.txt"],
  [".bashrc", ".bashrc"],
  ["a b.txt", "a b.txt"],
  [" a", " a"],
  // Only the last part, whatever separates.
  ["/etc/passwd", "passwd"],
  ["../../etc/passwd", "passwd"],
  ["..\\..\\boot.ini", "boot.ini"],
  ["C:\\Users\\ada\\notes.txt", "notes.txt"],
  ["a/b\\c/d.txt", "d.txt"],
  ["\\\\server\\share\\x", "x"],
  ["C:notes.txt", "C_notes.txt"],
  ["notes.txt:hidden", "notes.txt_hidden"],
  // Nothing is left.
  [undefined, ID],
  ["", ID],
  [".", ID],
  ["..", ID],
  ["...", ID],
  [" . .", ID],
  ["   ", ID],
  ["folder/", ID],
  ["a/..", ID],
  ["a\\.", ID],
  // What Windows and terminals do not take.
  ['a<b>c:d"e|f?g*h', "a_b_c_d_e_f_g_h"],
  ["a\0b\nc\u001bd\u007fe\u0085f", "a_b_c_d_e_f"],
  ["???", "___"],
  ["name.", "name"],
  ["name.txt. . ", "name.txt"],
  ["name\u3000", "name"],
  ["\ud800.txt", "\ufffd.txt"],
  // Devices.
  ["CON", "_CON"],
  ["con.txt", "_con.txt"],
  ["Nul.tar.gz", "_Nul.tar.gz"],
  ["aux .txt", "_aux .txt"],
  ["PRN...", "_PRN"],
  ["com1", "_com1"],
  ["LPT9.log", "_LPT9.log"],
  ["COM¹.x", "_COM¹.x"],
  ["lpt³", "_lpt³"],
  ["CONIN$", "_CONIN$"],
  ["console", "console"],
  ["com10", "com10"],
  ["com", "com"],
  ["lpt0", "lpt0"],
  ["x.con", "x.con"],
  // natskit's own.
  [`.natskit-${ID}.part`, `_.natskit-${ID}.part`],
  [`.NATSKIT-${ID}.part`, `_.NATSKIT-${ID}.part`],
  [".natskit", ".natskit"],
  // Too long.
  ["x".repeat(255), "x".repeat(255)],
  ["x".repeat(256), "x".repeat(255)],
  ["x".repeat(300) + ".pdf", "x".repeat(251) + ".pdf"],
  ["x".repeat(300) + ".tar.gz", "x".repeat(248) + ".tar.gz"],
  ["ä".repeat(200) + ".pdf", "ä".repeat(125) + ".pdf"],
  ["😀".repeat(100), "😀".repeat(63)],
  ["a." + "x".repeat(300), "a." + "x".repeat(253)],
  ["x".repeat(254) + ". y", "x".repeat(254)],
  ["CON" + " ".repeat(248) + "x.txt", "_CON" + " ".repeat(247) + ".txt"],
];

test("safeFileName() makes a table of nasty names safe, and leaves safe ones alone", () => {
  const found = NAMES.map(([given]) => [given, safeFileName(given, ID)]);
  assertEquals(found, NAMES);
});

test("safeFileName() makes the fallback safe too", () => {
  assertEquals(safeFileName(undefined, "a/b"), "b");
  assertEquals(safeFileName(undefined, ".."), "_");
  assertEquals(safeFileName("..", ".."), "_");
});

test("numberedName() puts the number in front of the extension, and cuts what does not fit", () => {
  assertEquals(numberedName("a.txt", 0), "a.txt");
  assertEquals(numberedName("a.txt", 1), "a (1).txt");
  assertEquals(numberedName("a.b.tar.gz", 12), "a.b (12).tar.gz");
  assertEquals(numberedName("a", 3), "a (3)");
  assertEquals(numberedName(".bashrc", 1), ".bashrc (1)");
  assertEquals(numberedName("Dr. No", 1), "Dr. No (1)");
  assertEquals(numberedName("x".repeat(251) + ".txt", 10), "x".repeat(246) + " (10).txt");
  assertEquals(numberedName("😀".repeat(63), 1), "😀".repeat(62) + " (1)");
});

/** Names out of the pieces that make names nasty. */
const nastyNames = fc.oneof(
  fc.string({ unit: "binary", maxLength: 400 }),
  fc.string({ unit: "grapheme", maxLength: 400 }),
  fc.array(
    fc.oneof(
      fc.constantFrom(
        "/",
        "\\",
        ".",
        "..",
        " ",
        ":",
        "CON",
        "nul",
        ".natskit-",
        ".tar",
        "\0",
        "\n",
        "😀",
        "¹",
      ),
      fc.constantFrom("x".repeat(250), "ä".repeat(126), "\ud83d", "\u202e", "~1", "$"),
      fc.string({ maxLength: 5 }),
    ),
    { maxLength: 40 },
  ).map((parts) => parts.join("")),
);

test("safeFileName() gives one part of a path, of at most 255 bytes, for any name", {
  timeout: 30_000,
}, () => {
  fc.assert(
    fc.property(nastyNames, fc.nat(100_000), (name, number) => {
      const first = safeFileName(name, ID);
      for (const safe of [first, numberedName(first, number)]) {
        // deno-lint-ignore no-control-regex -- they are what is looked for
        assert(!/[/\\<>:"|?*\u0000-\u001f\u007f-\u009f]|\p{Surrogate}/u.test(safe), safe);
        assert(safe !== "" && !/[.\s]$/.test(safe), JSON.stringify(safe));
        assert(!/^(con|prn|aux|nul|(com|lpt)[1-9¹²³]) *(\.|$)/i.test(safe), safe);
        assert(!/^\.natskit-/i.test(safe), safe);
        assert(byteLength(safe) <= 255, `${byteLength(safe)}`);
        assertEquals(basename(safe), safe);
        assertEquals(dirname(join("/folder", safe)), "/folder");
      }
      assertEquals(safeFileName(first, ID), first);
    }),
    { numRuns: 2_000 },
  );
});

test("safeFileName() keeps the extension of what is cut", () => {
  const extensions = fc.constantFrom(".pdf", ".tar.gz", ".JPEG", ".ä", ".x" + "y".repeat(62));
  fc.assert(
    fc.property(
      fc.string({ unit: "grapheme", minLength: 300, maxLength: 600 }),
      extensions,
      (stem, extension) => {
        const safe = safeFileName(stem.replaceAll(/[/\\]/g, "") + extension, ID);
        assert(safe.endsWith(extension), safe);
      },
    ),
    { numRuns: 300 },
  );
});

test("safeFileName() gives names that the file system takes", { timeout: 30_000 }, () => {
  using folder = makeFolder();
  fc.assert(
    fc.property(nastyNames, (name) => {
      const safe = safeFileName(name, ID);
      writeFileSync(folder.at(safe), "x");
      assert(folder.names().includes(safe), safe);
    }),
    { numRuns: 200 },
  );
});
