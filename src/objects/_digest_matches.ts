import { formatDigest } from "../_digest.ts";

/**
 * Whether an announced digest is that of the bytes. ADR-20 has base64url with padding; other clients have also
 * written it without padding, in the other base64 alphabet, and in hexadecimal.
 */
export function digestMatches(announced: string, sum: Uint8Array): boolean {
  const value = announced.replace(/^sha-256=/i, "");
  if (/^[0-9a-f]{64}$|^[0-9A-F]{64}$/.test(value)) {
    const hex = Array.from(sum, (byte) => byte.toString(16).padStart(2, "0")).join("");
    return value.toLowerCase() === hex;
  }
  const base64 = value.replace(/=+$/, "").replaceAll("+", "-").replaceAll("/", "_");
  return `SHA-256=${base64}=` === formatDigest(sum);
}
