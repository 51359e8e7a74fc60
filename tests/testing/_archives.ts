import { Buffer } from "node:buffer";
import { deflateRawSync, gzipSync } from "node:zlib";

/** Packs files into a zip archive, stored or deflated, as other programs do. */
export function makeZip(
  files: Record<string, Uint8Array>,
  options: { method?: 0 | 8 | 12; comment?: string } = {},
): Uint8Array<ArrayBuffer> {
  const { method = 8, comment = "" } = options;
  const local: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, content] of Object.entries(files)) {
    const packed = method === 8 ? deflateRawSync(content) : Buffer.from(content);
    // The local header has an extra field that the directory lacks, which readers must not mix up.
    const header = Buffer.alloc(30);
    header.writeUInt32LE(0x04034b50, 0);
    header.writeUInt16LE(method, 8);
    header.writeUInt16LE(name.length, 26);
    header.writeUInt16LE(4, 28);
    const piece = Buffer.concat([header, Buffer.from(name), Buffer.alloc(4, 7), packed]);
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50, 0);
    entry.writeUInt16LE(method, 10);
    entry.writeUInt32LE(packed.length, 20);
    entry.writeUInt32LE(content.length, 24);
    entry.writeUInt16LE(name.length, 28);
    entry.writeUInt16LE(2, 30);
    entry.writeUInt16LE(3, 32);
    entry.writeUInt32LE(offset, 42);
    directory.push(entry, Buffer.from(name), Buffer.alloc(5));
    local.push(piece);
    offset += piece.length;
  }
  const end = Buffer.alloc(22);
  const size = directory.reduce((sum, piece) => sum + piece.length, 0);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(Object.keys(files).length, 8);
  end.writeUInt16LE(Object.keys(files).length, 10);
  end.writeUInt32LE(size, 12);
  end.writeUInt32LE(offset, 16);
  end.writeUInt16LE(comment.length, 20);
  return new Uint8Array(Buffer.concat([...local, ...directory, end, Buffer.from(comment)]));
}

/** Packs files into a gzipped tar archive; a name that ends with a slash is a folder. */
export function makeTarGz(files: Record<string, Uint8Array>): Uint8Array<ArrayBuffer> {
  const blocks: Buffer[] = [];
  for (const [name, content] of Object.entries(files)) {
    const header = Buffer.alloc(512);
    header.write(name, 0);
    header.write(content.length.toString(8).padStart(11, "0"), 124);
    header.write(name.endsWith("/") ? "5" : "0", 156);
    blocks.push(header, Buffer.from(content), Buffer.alloc((512 - content.length % 512) % 512));
  }
  blocks.push(Buffer.alloc(1024));
  return new Uint8Array(gzipSync(Buffer.concat(blocks)));
}
