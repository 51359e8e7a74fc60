/**
 * Names that a sender chose, made safe to be files in one folder, the same on every system.
 *
 * @module
 */

/** What the file systems in use take for one name, in bytes of UTF-8. */
const LONGEST_NAME = 255;

/** What an extension may have to be kept, in bytes of UTF-8; what is longer is a part of the name. */
const LONGEST_EXTENSION = 64;

/** How natskit's own files begin, on file systems that fold the case too. */
const OWN_FILE = /^\.natskit-/i;

/** Control characters, and what Windows does not take. */
// deno-lint-ignore no-control-regex -- they are what is looked for
const ILLEGAL = /[\u0000-\u001f\u007f-\u009f<>:"|?*]/g;

/** Names of devices on Windows, whatever extension follows. */
const RESERVED = /^(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[1-9¹²³]) *(?:\.|$)/i;

/**
 * The last part of a name, where `/` and `\` both separate, in a form that is legal on every system:
 *
 * - control characters and `<>:"|?*` become `_`, lone surrogates U+FFFD;
 * - dots and blanks at the end are cut off;
 * - names of devices on Windows, and those that natskit's own temporary files have, get a `_` in front;
 * - what is longer than 255 bytes is cut, between whole characters and before the extension.
 *
 * All other Unicode stays as it is. A name that is safe already is not changed.
 *
 * @param name What the sender called it.
 * @param fallback What to call it when nothing is left of that.
 */
export function safeFileName(name: string | undefined, fallback: string): string {
  const last = (name ?? "").split(/[/\\]/).at(-1)!;
  const legal = last.replaceAll(/\p{Surrogate}/gu, "\ufffd").replaceAll(ILLEGAL, "_");
  const short = cutEnd(numberedName(cutEnd(legal), 0));
  if (short === "") return name === fallback ? "_" : safeFileName(fallback, fallback);
  if (!RESERVED.test(short) && !OWN_FILE.test(short)) return short;
  return cutEnd(numberedName(`_${short}`, 0));
}

/** `report.pdf` as `report (2).pdf`; 0 stands for the name itself. It is cut as is needed to fit into 255 bytes. */
export function numberedName(name: string, number: number): string {
  const [stem, extension] = splitExtension(name);
  const suffix = number === 0 ? extension : ` (${number})${extension}`;
  return cutTo(stem, LONGEST_NAME - byteLength(suffix)) + suffix;
}

/** `.tar.gz` and the like are one extension; a dot in front begins a name, and what has blanks is a part of it. */
function splitExtension(name: string): [stem: string, extension: string] {
  const extension = /^.+?((?:\.tar)?\.[^.\s]+)$/is.exec(name)?.[1] ?? "";
  if (byteLength(extension) > LONGEST_EXTENSION) return [name, ""];
  return [name.slice(0, name.length - extension.length), extension];
}

/** Windows drops them, so that two names would be one. */
function cutEnd(name: string): string {
  return name.replace(/[.\s]+$/, "");
}

/** The longest beginning of whole characters that has at most so many bytes. */
function cutTo(text: string, limit: number): string {
  if (byteLength(text) <= limit) return text;
  let bytes = 0;
  let length = 0;
  for (const character of text) {
    bytes += byteLength(character);
    if (bytes > limit) break;
    length += character.length;
  }
  return text.slice(0, length);
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}
