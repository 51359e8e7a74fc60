/**
 * Writes `chunked.json` out of the definitions. Run it after changing one, and format what it wrote.
 *
 * @module
 */
import { writeFileSync } from "node:fs";
import { chunkedVectors } from "./chunked.ts";

/** One line for each header, body and expectation; the formatter breaks those that are too long. */
function write(value: unknown, indent = ""): string {
  const flat = JSON.stringify(value);
  const isList = Array.isArray(value);
  const isFlat = typeof value !== "object" || value === null ||
    !/"(headers|messages|name)":/.test(flat) && !(isList && Array.isArray(value[0]));
  if (isFlat) {
    return flat.replaceAll(
      /("(?:[^"\\]|\\.)*"|[:,])/g,
      (part) => part.length > 1 ? part : `${part} `,
    );
  }
  const deeper = `${indent}  `;
  const parts = isList
    ? value.map((item) => deeper + write(item, deeper))
    : Object.entries(value).map(([key, item]) =>
      `${deeper}${JSON.stringify(key)}: ${write(item, deeper)}`
    );
  const [open, close] = isList ? "[]" : "{}";
  return parts.length === 0
    ? `${open}${close}`
    : `${open}\n${parts.join(",\n")}\n${indent}${close}`;
}

writeFileSync(new URL("chunked.json", import.meta.url), `${write(chunkedVectors())}\n`);
