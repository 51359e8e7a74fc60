/**
 * The file that an upload is written to before it gets its name.
 *
 * @module
 */
import { type FileHandle, lstat, open, readdir, rename, unlink } from "node:fs/promises";
import { join } from "node:path";
import { UploadTakenOverError } from "../../errors.ts";
import { errorCode } from "./_paths.ts";

/** How often a try takes over from other tries of the same upload that begin at the same moment. */
const MOST_TAKEOVERS = 100;

/**
 * A hidden file in the folder of the upload, `.natskit-<upload id>.part`. A later try of the same upload takes the
 * place of what an earlier one has left; if the earlier one is still under way, it can write to its own file, which
 * has no name any more, and fails when it wants to have one.
 */
export class TemporaryFile {
  readonly #folder: string;
  readonly #uploadId: string;
  readonly #handle: FileHandle;
  #path: string;
  #isClaimed = false;

  private constructor(folder: string, uploadId: string, path: string, handle: FileHandle) {
    this.#folder = folder;
    this.#uploadId = uploadId;
    this.#path = path;
    this.#handle = handle;
  }

  /** Creates it anew, without what earlier tries have left; a link in its place is removed and not followed. */
  static async create(folder: string, uploadId: string, mode: number): Promise<TemporaryFile> {
    const path = join(folder, `.natskit-${uploadId}.part`);
    for (let attempt = 1;; attempt++) {
      try {
        return new TemporaryFile(folder, uploadId, path, await open(path, "wx", mode));
      } catch (error) {
        if (errorCode(error) !== "EEXIST" || attempt === MOST_TAKEOVERS) throw error;
        await unlinkIfThere(path);
      }
    }
  }

  /** Appends bytes; one call at a time. */
  async write(bytes: Uint8Array): Promise<void> {
    for (let written = 0; written < bytes.length;) {
      const { bytesWritten } = await this.#handle.write(bytes, written, bytes.length - written);
      written += bytesWritten;
    }
  }

  /** Resolves when everything that was written is on the disk. */
  async flush(): Promise<void> {
    await this.#handle.sync();
  }

  /**
   * Makes the file this try's alone, by a name that no other knows: what is given its final name afterwards is what
   * this try has written, whoever else is at work.
   *
   * @returns Its path.
   * @throws {UploadTakenOverError} Another try of the same upload has begun.
   */
  async claim(): Promise<string> {
    if (this.#isClaimed) return this.#path;
    // Asked before as well: the file of another try, which is at work, is better not touched at all.
    if (!await this.#isAt(this.#path)) throw this.#takenOver();
    const claimed = join(
      this.#folder,
      `.natskit-${this.#uploadId}-${crypto.randomUUID().slice(0, 13)}.part`,
    );
    await rename(this.#path, claimed).catch((cause) => {
      throw errorCode(cause) === "ENOENT" ? this.#takenOver(cause) : cause;
    });
    if (!await this.#isAt(claimed)) {
      await rename(claimed, this.#path);
      throw this.#takenOver();
    }
    this.#path = claimed;
    this.#isClaimed = true;
    return claimed;
  }

  /** Closes the file, and removes the name that it had here. The one of another try stays. */
  async dispose(): Promise<void> {
    // The file must be open while it is compared: the number of one that is gone is given to the next.
    if (await this.#isAt(this.#path).catch(() => false)) {
      await unlinkIfThere(this.#path).catch(() => {}); // the next try takes its place
    }
    await this.#handle.close();
  }

  /** Whether what is at a path is the file that this try writes to. */
  async #isAt(path: string): Promise<boolean> {
    const own = await this.#handle.stat({ bigint: true });
    try {
      const there = await lstat(path, { bigint: true });
      return own.ino === there.ino && own.dev === there.dev;
    } catch (error) {
      if (errorCode(error) === "ENOENT") return false;
      throw error;
    }
  }

  #takenOver(cause?: unknown): UploadTakenOverError {
    return new UploadTakenOverError(this.#uploadId, this.#folder, cause ? { cause } : undefined);
  }
}

/**
 * Removes what a crash has left in the moment between `claim` and the final name. It takes a look at every name in the
 * folder, so it is for uploads alone that are known to have come before.
 */
export async function removeClaimed(folder: string, uploadId: string): Promise<void> {
  const names = await readdir(folder);
  const left = names.filter((name) => name.startsWith(`.natskit-${uploadId}-`));
  for (const name of left) await unlinkIfThere(join(folder, name));
}

async function unlinkIfThere(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw error;
  }
}
