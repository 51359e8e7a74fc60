/**
 * Files that payloads are read from and written to.
 *
 * @module
 */

/** A file is not the one any more that it was when it was opened as a source: what was sent of it may be of both. */
export class FileChangedError extends Error {
  /** The class name. */
  override readonly name = "FileChangedError";
  /** The file's path. */
  readonly path: string;

  /** Names the file and what is different. */
  constructor(path: string, change: string, options?: ErrorOptions) {
    super(
      `the file ${JSON.stringify(path)} has changed since it became a source: ${change}`,
      options,
    );
    this.path = path;
  }
}

/** There is something else in the place that an upload was to be stored in; trying again would not change that. */
export class FileExistsError extends Error {
  /** The class name. */
  override readonly name = "FileExistsError";
  /** The path that is taken. */
  readonly path: string;

  /** Names the path and what is there. */
  constructor(path: string, found: string, options?: ErrorOptions) {
    super(`${JSON.stringify(path)} is not overwritten: there is ${found}`, options);
    this.path = path;
  }
}

/** What a path leads to is not of the kind that is needed: a folder in place of a file, or the other way round. */
export class WrongFileTypeError extends Error {
  /** The class name. */
  override readonly name = "WrongFileTypeError";
  /** The path. */
  readonly path: string;

  /** Names the path, what it leads to and what is wanted. */
  constructor(path: string, found: string, wanted: string, options?: ErrorOptions) {
    super(`${JSON.stringify(path)} is ${found}, wanted is ${wanted}`, options);
    this.path = path;
  }
}

/** Another try of the same upload has begun to write while this one was under way; only the newer one can finish. */
export class UploadTakenOverError extends Error {
  /** The class name. */
  override readonly name = "UploadTakenOverError";
  /** The upload's id. */
  readonly uploadId: string;
  /** The folder that both write to. */
  readonly folder: string;

  /** Names the upload and the folder. */
  constructor(uploadId: string, folder: string, options?: ErrorOptions) {
    super(
      `upload ${uploadId} into ${
        JSON.stringify(folder)
      } was taken over by another try of the same upload`,
      options,
    );
    this.uploadId = uploadId;
    this.folder = folder;
  }
}
