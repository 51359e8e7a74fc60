import * as fs from "node:fs";

/** How much of a log is shown, in bytes. */
const TAIL_BYTES = 16_384;

/** Reads the end of a log file, with every occurrence of `secret` blotted out; empty when there is no such file. */
export function readLogTail(path: string, secret?: string): string {
  let file: number;
  try {
    file = fs.openSync(path, "r");
  } catch {
    return "";
  }
  try {
    const { size } = fs.fstatSync(file);
    const length = Math.min(size, TAIL_BYTES);
    const bytes = new Uint8Array(length);
    const read = fs.readSync(file, bytes, 0, length, size - length);
    const text = new TextDecoder().decode(bytes.subarray(0, read));
    return secret ? text.replaceAll(secret, "***") : text;
  } finally {
    fs.closeSync(file);
  }
}
