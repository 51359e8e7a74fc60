/**
 * Upload ids: any 128-bit value in any spelling of a UUID, compared in lower-case hyphenated form (PROTOCOL 1).
 *
 * @module
 */

const SPELLINGS = [
  /^([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12})$/,
  /^([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})$/,
];

/** The lower-case hyphenated form of any spelling (upper case, no hyphens, braces, `urn:uuid:`), if `text` is one. */
export function parseUploadId(text: string): string | undefined {
  const lower = text.toLowerCase();
  const bare = lower.startsWith("urn:uuid:")
    ? lower.slice("urn:uuid:".length)
    : lower.startsWith("{") && lower.endsWith("}")
    ? lower.slice(1, -1)
    : lower;
  for (const spelling of SPELLINGS) {
    const parts = spelling.exec(bare);
    if (parts) return parts.slice(1).join("-");
  }
  return undefined;
}

/** A random id. Not `crypto.randomUUID`, which pages that were not served over TLS do not have. */
export function newUploadId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40; // RFC 9562: version 4
  bytes[8] = (bytes[8]! & 0x3f) | 0x80; // and its variant
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return parseUploadId(hex)!;
}
