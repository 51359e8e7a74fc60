import { test } from "node:test";
import { assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { newUploadId, parseUploadId } from "../src/_upload_id.ts";

const ID = "0f8fad5b-d9cb-469f-a165-70867728950e";

test("parseUploadId() reads every spelling of PROTOCOL 1 as the lower-case hyphenated form", () => {
  const spellings = [
    ID,
    ID.toUpperCase(),
    ID.replaceAll("-", ""),
    ID.replaceAll("-", "").toUpperCase(),
    `{${ID}}`,
    `{${ID.replaceAll("-", "")}}`,
    `urn:uuid:${ID}`,
    `URN:UUID:${ID.toUpperCase()}`,
  ];
  for (const spelling of spellings) assertEquals(parseUploadId(spelling), ID, spelling);
});

test("parseUploadId() takes any 128-bit value, of whatever version and variant", () => {
  for (const digit of "0123456789abcdef") {
    const id = `00000000-0000-${digit}000-${digit}000-000000000000`;
    assertEquals(parseUploadId(id), id);
  }
});

test("parseUploadId() is undefined for everything else", () => {
  const wrong = [
    "",
    "x",
    ID.slice(1),
    `${ID}0`,
    ` ${ID}`,
    `${ID}\n`,
    ID.replace("0", "g"),
    ID.replace("-", ""),
    `{${ID}`,
    `${ID}}`,
    `{{${ID}}}`,
    `urn:uuid:{${ID}}`,
    `uuid:${ID}`,
    ID.replaceAll("-", "_"),
    "0f8fad5bd-9cb-469f-a165-70867728950e",
  ];
  for (const text of wrong) assertEquals(parseUploadId(text), undefined, JSON.stringify(text));
});

test("newUploadId() makes random UUIDs of version 4", () => {
  const id = newUploadId();
  assertMatch(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assertEquals(parseUploadId(id), id);
  assertNotEquals(newUploadId(), id);
});
