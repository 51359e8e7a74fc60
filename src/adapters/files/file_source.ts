import { type BigIntStats, constants, statSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { basename } from "node:path";
import { requireKnownKeys, requireString } from "../../_require.ts";
import type { SeekableSource } from "../../_source.ts";
import { FileChangedError, WrongFileTypeError } from "../../errors.ts";
import { describeType, errorCode, toPath } from "./_paths.ts";

/** Options of {@linkcode fileSource}. */
export interface FileSourceOptions {
  /**
   * The name to send it under.
   *
   * @default the last part of the path
   */
  name?: string;
}

/** How much is read at a time, in bytes: the smallest size at which all runtimes read at full speed. */
const PIECE_SIZE = 1024 * 1024;

/** A file as it was when it became a source. */
interface KnownFile {
  readonly path: string;
  readonly stats: BigIntStats;
}

/**
 * Makes a file a source for `publishChunked`, and for everything else that takes a seekable source.
 *
 * Nothing stays open: each read opens the file, reads ahead by one piece of 1 MiB as it is asked for more, and closes
 * it at its end, when it is cancelled and when it fails. The bytes are those of one version of the file: a read whose
 * file has another size, time of change or identity than at the call errors with {@linkcode FileChangedError}, at its
 * start and again before its last piece. A symbolic link is followed.
 *
 * @param path The file: a path, or a URL with the scheme `file:`.
 * @param options The name to send it under.
 * @returns The source, with the size that the file has now. Its `read` throws a `RangeError` for what lies outside.
 * @throws {WrongFileTypeError} The path leads to a folder, a device or a pipe.
 * @throws {TypeError} An argument is of another kind than wanted.
 * @throws {Error} The error of the system where there is no such file (`code` is `ENOENT`) or it cannot be looked at.
 *
 * @example Send a file
 * ```ts
 * import { assembleChunks, publishChunked } from "@natskit/natskit";
 * import { connect, fileSource } from "@natskit/natskit/deno";
 *
 * const path = await Deno.makeTempFile({ suffix: ".txt" });
 * await Deno.writeTextFile(path, "hello from a file");
 *
 * const nc = await connect();
 * const uploads = assembleChunks(nc.subscribe("uploads"));
 * const sent = publishChunked(nc, "uploads", fileSource(path, { name: "hello.txt" }));
 * for await (const upload of uploads) {
 *   console.log(upload.filename, new TextDecoder().decode(upload.data));
 *   await upload.ack();
 *   break;
 * }
 * await sent;
 * await nc.close();
 * await Deno.remove(path);
 * ```
 */
export function fileSource(path: string | URL, options: FileSourceOptions = {}): SeekableSource {
  requireKnownKeys("options", options, ["name"]);
  const file = toPath("path", path);
  const { name = basename(file) } = options;
  requireString("name", name);
  const stats = statSync(file, { bigint: true });
  if (!stats.isFile()) throw new WrongFileTypeError(file, describeType(stats), "a regular file");
  const size = Number(stats.size);
  return {
    size,
    name,
    read: (start, end) => {
      for (const [field, value] of [["start", start], ["end", end]] as const) {
        const least = field === "end" ? start : 0;
        if (Number.isSafeInteger(value) && value >= least && value <= size) continue;
        throw new RangeError(
          `${field} is ${value}, wanted is a whole number from ${least} to ${size}`,
        );
      }
      return toStream(readRange({ path: file, stats }, start, end));
    },
  };
}

/** A stream that reads when it is asked to and not before, so that one that nobody reads opens nothing. */
function toStream(pieces: AsyncGenerator<Uint8Array, Uint8Array | undefined>): ReadableStream {
  return new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      const { done, value } = await pieces.next();
      if (value) controller.enqueue(value);
      if (done) controller.close();
    },
    // Waits for the read that is under way, then closes the file.
    cancel: async () => void await pieces.return(undefined),
  }, { highWaterMark: 0 });
}

/** Yields all pieces but the last, which it returns: by then the file is closed. */
async function* readRange(
  file: KnownFile,
  start: number,
  end: number,
): AsyncGenerator<Uint8Array, Uint8Array | undefined> {
  if (start === end) return undefined;
  const handle = await openKnown(file);
  let next: Promise<Uint8Array> | undefined;
  try {
    await checkUnchanged(file, handle);
    for (let position = start;;) {
      const piece = await (next ?? readPiece(file, handle, position, end));
      position += piece.length;
      if (position === end) {
        await checkUnchanged(file, handle);
        return piece;
      }
      next = readPiece(file, handle, position, end);
      next.catch(() => {}); // told to who asks for it
      yield piece;
    }
  } finally {
    await next?.catch(() => {});
    await handle.close();
  }
}

async function openKnown({ path }: KnownFile): Promise<FileHandle> {
  try {
    // Opening a pipe that has taken the file's place would wait for ever.
    const { O_RDONLY, O_NONBLOCK = 0 } = constants;
    return await open(path, O_RDONLY | O_NONBLOCK);
  } catch (cause) {
    if (errorCode(cause) !== "ENOENT") throw cause;
    throw new FileChangedError(path, "it is gone", { cause });
  }
}

async function readPiece(
  { path }: KnownFile,
  handle: FileHandle,
  start: number,
  end: number,
): Promise<Uint8Array> {
  const piece = new Uint8Array(Math.min(PIECE_SIZE, end - start));
  for (let filled = 0; filled < piece.length;) {
    const { bytesRead } = await handle.read(piece, filled, piece.length - filled, start + filled);
    if (bytesRead === 0) throw new FileChangedError(path, `it ends at ${start + filled} bytes`);
    filled += bytesRead;
  }
  return piece;
}

async function checkUnchanged({ path, stats }: KnownFile, handle: FileHandle): Promise<void> {
  const now = await handle.stat({ bigint: true });
  if (now.ino !== stats.ino || now.dev !== stats.dev) {
    throw new FileChangedError(path, "another file has taken its place");
  }
  if (now.size !== stats.size) {
    throw new FileChangedError(path, `it has ${now.size} bytes, and had ${stats.size}`);
  }
  if (now.mtimeNs !== stats.mtimeNs) {
    throw new FileChangedError(path, `it was written to at ${now.mtime.toISOString()}`);
  }
}
