import { statSync } from "node:fs";
import { mkdir, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { createSha256, formatDigest } from "../../_digest.ts";
import { readPieces } from "../../_read_pieces.ts";
import {
  requireBoolean,
  requireFunction,
  requireKnownKeys,
  requireNumber,
  requireString,
} from "../../_require.ts";
import type { UploadContext, UploadHandler } from "../../_upload.ts";
import { uploadStreamOf } from "../../_upload_stream.ts";
import { FileExistsError, PermanentError, WrongFileTypeError } from "../../errors.ts";
import { describeType, errorCode, toPath } from "./_paths.ts";
import { safeFileName } from "./_safe_name.ts";
import { type ExistsMode, look, placeFile, type Target } from "./_target.ts";
import { removeClaimed, TemporaryFile } from "./_temporary_file.ts";

/** What is known of an upload that is stored. */
export interface StoredFile {
  /** The file's absolute path. */
  readonly path: string;
  /** Its size in bytes. */
  readonly size: number;
  /** Its SHA-256 as `SHA-256=<base64url with padding>`. */
  readonly digest: string;
  /** The id of the upload. */
  readonly uploadId: string;
}

/** Options of {@linkcode fileSink}. */
export interface FileSinkOptions {
  /**
   * What to do where there is a file of the same name with another content: take the next free name of `name (1).ext`,
   * `name (2).ext`, …, put the new file in its place in one step, or refuse the upload for good.
   *
   * @default {"rename"}
   */
  exists?: "rename" | "replace" | "error";
  /**
   * Chooses the name; it is made safe like that of the sender.
   *
   * @default the name that the sender gave it
   */
  filename?: (context: UploadContext) => string;
  /**
   * The permissions of new files; the process's umask is taken off them.
   *
   * @default {0o666}
   */
  mode?: number;
  /**
   * Creates the folder, with those above it, where it is missing. `false` makes a missing one an error at once.
   *
   * @default {true}
   */
  create?: boolean;
  /**
   * Told of each upload once it is on the disk under its name, and waited for: what it throws fails the upload, which
   * then comes again where it can; its file is found and stays the only one.
   */
  onStored?: (file: StoredFile) => void | Promise<void>;
}

const MODES: readonly ExistsMode[] = ["rename", "replace", "error"];

/**
 * Makes a folder the place that uploads are received into: a handler for `receiveChunked`, in constant memory.
 *
 * A file appears under its name in one step, when every byte of it has come, is verified and on the disk. Before that
 * it is `.natskit-<upload id>.part` in the same folder. That file is removed when the upload fails or its signal
 * aborts; one that a crash has left is replaced by the next try of the same upload. When two tries write at the same
 * time, the later one stays.
 *
 * An upload that comes twice leaves one file: an existing file of the name, or of one of its numbered names, with the
 * same size and SHA-256 counts as this upload.
 *
 * The name is the last part of what the sender calls it (`/` and `\` both separate), the same on every system: control
 * characters and `<>:"|?*` become `_`, dots and blanks at the end are cut off, names of Windows devices (`CON`, `NUL`,
 * …) and names that begin with `.natskit-` get a `_` in front, and what is longer than 255 bytes is cut before the
 * extension. Where nothing is left, the name is the upload's id. Symbolic links in the folder are never followed.
 *
 * @param folder The folder: a path, or a URL with the scheme `file:`. It may be a symbolic link itself.
 * @param options Names, permissions, and what to do with existing files.
 * @returns The handler. It rejects with `PermanentError`, whose `cause` is a {@linkcode FileExistsError}, when the
 * place is taken, with `UploadTakenOverError` when another try of the same upload has begun, with the reason of its
 * signal, and with the errors of the system and of the stream.
 * @throws {WrongFileTypeError} The path leads to something that is no folder.
 * @throws {TypeError} An argument is of another kind than wanted.
 * @throws {RangeError} `exists` or `mode` has no meaning.
 * @throws {Error} The error of the system where the folder is missing and not to be created, or cannot be looked at.
 *
 * @example Receive into a folder
 * ```ts
 * import { publishChunked, receiveChunked } from "@natskit/natskit";
 * import { connect, fileSink } from "@natskit/natskit/deno";
 *
 * const folder = await Deno.makeTempDir();
 * const nc = await connect();
 * const sink = fileSink(folder, {
 *   onStored: ({ path, size }) => console.log(`${path}: ${size} bytes`),
 * });
 * const receiver = await receiveChunked({ nc, subject: "inbox" }, sink);
 * await publishChunked(nc, "inbox", new Uint8Array(5_000_000), { filename: "zeros.bin" });
 *
 * await receiver.stop();
 * await nc.close();
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export function fileSink(folder: string | URL, options: FileSinkOptions = {}): UploadHandler {
  requireKnownKeys("options", options, ["exists", "filename", "mode", "create", "onStored"]);
  const { exists = "rename", filename, mode = 0o666, create = true, onStored } = options;
  checkOptions({ exists, filename, mode, create, onStored });
  const path = toPath("folder", folder);
  checkFolder(path, create);
  return async (stream, context) => {
    try {
      const name = filename ? filename(context) : context.filename;
      if (filename) requireString("what filename() returns", name);
      const target = { folder: path, name: safeFileName(name, context.uploadId), exists };
      const stored = await storeUpload(stream, context, target, { mode, create });
      await onStored?.(stored);
    } catch (error) {
      void stream.cancel(error).catch(() => {}); // where it was not read yet
      throw error;
    }
  };
}

/** Writes an upload, gives it its name, and resolves when both are on the disk. */
async function storeUpload(
  stream: ReadableStream<Uint8Array>,
  context: UploadContext,
  target: Target,
  { mode, create }: { mode: number; create: boolean },
): Promise<StoredFile> {
  const { uploadId, deliveryCount, signal } = context;
  // It becomes a part of the temporary file's name.
  if (!/^[-\w]{1,100}$/.test(uploadId)) {
    throw new TypeError(`the upload's id is ${JSON.stringify(uploadId)}, wanted is a UUID`);
  }
  signal.throwIfAborted();
  await refuseEarly(target, context.size);
  const created = create ? await mkdir(target.folder, { recursive: true }) : undefined;
  if (deliveryCount > 1) await removeClaimed(target.folder, uploadId);
  const temporary = await TemporaryFile.create(target.folder, uploadId, mode);
  let stored: StoredFile;
  try {
    const written = await writeAll(stream, context, temporary);
    signal.throwIfAborted();
    const file = { ...written, claim: () => temporary.claim() };
    const path = await placeFile(file, target, signal).catch(refuseForGood);
    stored = { path, ...written, uploadId };
  } finally {
    await temporary.dispose();
  }
  await syncFolders(target.folder, created);
  return stored;
}

/** Spares the transfer of what could not be stored afterwards. */
async function refuseEarly({ folder, name, exists }: Target, size: number): Promise<void> {
  if (exists === "rename") return;
  const path = join(folder, name);
  const found = await look(path);
  if (!found || (found.isFile() && found.size === size)) return;
  if (exists === "replace" && !found.isDirectory()) return;
  refuseForGood(new FileExistsError(path, describeType(found)));
}

/** The sender is told of the name, which is its own, and not of the folder. */
function refuseForGood(cause: unknown): never {
  if (!(cause instanceof FileExistsError)) throw cause;
  const name = JSON.stringify(cause.path.slice(dirname(cause.path).length).replace(/^[/\\]/, ""));
  throw new PermanentError(`the name ${name} is taken by another file`, { cause });
}

/** Writes and hashes at the same time: one piece is on its way to the disk while the next one comes. */
async function writeAll(
  stream: ReadableStream<Uint8Array>,
  { uploadId, size, signal }: UploadContext,
  file: TemporaryFile,
): Promise<{ size: number; digest: string }> {
  const known = uploadStreamOf(stream); // its bytes are hashed already
  const hash = known ? undefined : await createSha256();
  let written = 0;
  let writing: Promise<void> = Promise.resolve();
  try {
    for await (const piece of readPieces(stream, signal)) {
      await writing;
      writing = file.write(piece).then(() => known?.onSpent(piece));
      writing.catch(() => {}); // told at the next piece
      hash?.update(piece);
      written += piece.length;
    }
  } finally {
    await writing; // nothing may be under way when the file is closed
  }
  if (written !== size) {
    throw new RangeError(`upload ${uploadId} ended after ${written} bytes, announced were ${size}`);
  }
  await file.flush();
  return { size, digest: known?.digest() ?? formatDigest(hash!.digest()) };
}

/** Puts names on the disk: that of the file in its folder, and those of folders that were created for it. */
async function syncFolders(folder: string, created: string | undefined): Promise<void> {
  const top = created === undefined ? folder : dirname(created);
  for (let path = folder;; path = dirname(path)) {
    await syncFolder(path);
    if (path === top || path === dirname(path)) return;
  }
}

/** Not every system can do that, and those that cannot have no error of their own for it. */
async function syncFolder(path: string): Promise<void> {
  try {
    const handle = await open(path, "r");
    await handle.sync().finally(() => handle.close());
  } catch (error) {
    if (errorCode(error) === "EIO" || errorCode(error) === "ENOSPC") throw error;
  }
}

function checkOptions({ exists, filename, mode, create, onStored }: Record<string, unknown>): void {
  requireString("exists", exists);
  if (!MODES.some((known) => known === exists)) {
    throw new RangeError(`exists is ${JSON.stringify(exists)}, known are: ${MODES.join(", ")}`);
  }
  requireNumber("mode", mode);
  if (!Number.isInteger(mode) || mode < 0 || mode > 0o777) {
    throw new RangeError(`mode is ${mode}, wanted is a whole number from 0 to 0o777`);
  }
  requireBoolean("create", create);
  for (const [name, value] of Object.entries({ filename, onStored })) {
    if (value !== undefined) requireFunction(name, value);
  }
}

function checkFolder(path: string, create: boolean): void {
  const found = statSync(path, { throwIfNoEntry: !create });
  if (found && !found.isDirectory()) {
    throw new WrongFileTypeError(path, describeType(found), "a folder");
  }
}
