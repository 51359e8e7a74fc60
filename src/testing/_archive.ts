import { gunzipSync, inflateRawSync } from "node:zlib";

/** The largest file that is unpacked, in bytes: more than any server binary, less than what a hostile archive claims. */
const MAX_FILE_BYTES = 256 * 1024 * 1024;

const ZIP_END = 0x06054b50;
const ZIP_ENTRY = 0x02014b50;
const ZIP_LOCAL = 0x04034b50;
const STORED = 0;
const DEFLATED = 8;

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Where the end record begins: it is the last thing in the file but for a comment of at most 64 KiB. */
function findZipEnd(data: DataView): number {
  const lowest = Math.max(0, data.byteLength - 22 - 0xffff);
  for (let at = data.byteLength - 22; at >= lowest; at--) {
    if (data.getUint32(at, true) === ZIP_END) return at;
  }
  throw new Error("it is no zip archive: no end record was found");
}

/**
 * Takes one file out of a zip archive: the first whose name matches. Reads what wheels and releases use (stored and
 * deflated entries, no encryption, no Zip64). The check sum is not looked at: the archive's digest was.
 *
 * @throws {Error} if the archive cannot be read or holds no such file.
 */
export function readZipFile(bytes: Uint8Array, name: RegExp): Uint8Array {
  const data = view(bytes);
  const end = findZipEnd(data);
  const count = data.getUint16(end + 10, true);
  let at = data.getUint32(end + 16, true);
  for (let i = 0; i < count; i++) {
    if (data.getUint32(at, true) !== ZIP_ENTRY) throw new Error("the zip directory is damaged");
    const nameLength = data.getUint16(at + 28, true);
    const entryName = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameLength));
    if (name.test(entryName)) return unpackZipEntry(bytes, at, entryName);
    at += 46 + nameLength + data.getUint16(at + 30, true) + data.getUint16(at + 32, true);
  }
  throw new Error(`the zip archive holds no file that matches ${name}`);
}

function unpackZipEntry(bytes: Uint8Array, at: number, name: string): Uint8Array {
  const data = view(bytes);
  const method = data.getUint16(at + 10, true);
  const packed = data.getUint32(at + 20, true);
  const size = data.getUint32(at + 24, true);
  const local = data.getUint32(at + 42, true);
  if (data.getUint32(local, true) !== ZIP_LOCAL) throw new Error(`zip entry ${name} is damaged`);
  // The lengths in the local header may differ from those in the directory.
  const start = local + 30 + data.getUint16(local + 26, true) + data.getUint16(local + 28, true);
  const content = bytes.subarray(start, start + packed);
  if (content.byteLength !== packed) throw new Error(`zip entry ${name} is cut off`);
  if (size > MAX_FILE_BYTES) throw new Error(`zip entry ${name} has ${size} bytes, too many`);
  if (method !== STORED && method !== DEFLATED) {
    throw new Error(`zip entry ${name} is packed by method ${method}, wanted is 0 or 8`);
  }
  const file = method === STORED
    ? content.slice()
    : new Uint8Array(inflateRawSync(content, { maxOutputLength: MAX_FILE_BYTES }));
  if (file.byteLength !== size) {
    throw new Error(`zip entry ${name} has ${file.byteLength} bytes, announced were ${size}`);
  }
  return file;
}

const TAR_BLOCK = 512;

/**
 * Takes one file out of a gzipped tar archive: the first regular file whose name matches.
 *
 * @throws {Error} if the archive cannot be read or holds no such file.
 */
export function readTarGzFile(bytes: Uint8Array, name: RegExp): Uint8Array {
  const tar = new Uint8Array(gunzipSync(bytes, { maxOutputLength: MAX_FILE_BYTES }));
  const text = (start: number, length: number): string =>
    new TextDecoder().decode(tar.subarray(start, start + length)).replace(/\0.*$/s, "");
  for (let at = 0; at + TAR_BLOCK <= tar.byteLength;) {
    const entryName = text(at, 100);
    if (entryName === "") break;
    const size = parseInt(text(at + 124, 12).trim(), 8);
    if (!(size >= 0)) throw new Error(`tar entry ${entryName} has no readable size`);
    const start = at + TAR_BLOCK;
    const type = text(at + 156, 1);
    if ((type === "" || type === "0") && name.test(entryName)) {
      if (start + size > tar.byteLength) throw new Error(`tar entry ${entryName} is cut off`);
      return tar.slice(start, start + size);
    }
    at = start + Math.ceil(size / TAR_BLOCK) * TAR_BLOCK;
  }
  throw new Error(`the tar archive holds no file that matches ${name}`);
}
