/**
 * Object stores and key-value buckets.
 *
 * @module
 */

import { describeObject } from "./_describe_object.ts";

/** There is no bucket of that name, and opening was not asked to create it. */
export class BucketNotFoundError extends Error {
  /** The class name. */
  override readonly name = "BucketNotFoundError";
  /** The kind of bucket, such as `object store`. */
  readonly kind: string;
  /** The name that was asked for. */
  readonly bucket: string;

  /** Names the bucket, and how to have it created. */
  constructor(kind: string, bucket: string, options?: ErrorOptions) {
    super(
      `there is no ${kind} ${JSON.stringify(bucket)}; to create it, open it with { create: true }`,
      options,
    );
    this.kind = kind;
    this.bucket = bucket;
  }
}

/** The server refuses what was asked of a bucket: it is sealed, full, or was to be configured in a way it cannot be. */
export class BucketRefusedError extends Error {
  /** The class name. */
  override readonly name = "BucketRefusedError";
  /** The kind of bucket, such as `object store`. */
  readonly kind: string;
  /** The bucket's name. */
  readonly bucket: string;
  /** The server's error code (`err_code` of the JetStream API). */
  readonly code: number;

  /** Names the bucket, what it does not do, and the server's reason. */
  constructor(
    kind: string,
    bucket: string,
    action: string,
    reason: string,
    code: number,
    options?: ErrorOptions,
  ) {
    super(`${kind} ${JSON.stringify(bucket)} ${action}: ${reason} (${code})`, options);
    this.kind = kind;
    this.bucket = bucket;
    this.code = code;
  }
}

/** What is stored of an object does not add up: chunks are missing, the size differs, or its metadata cannot be read. */
export class ObjectCorruptError extends Error {
  /** The class name. */
  override readonly name = "ObjectCorruptError";
  /** The object store's name. */
  readonly bucket: string;
  /** The object's name. */
  readonly objectName: string;

  /** Names the object and what is wrong with it. */
  constructor(bucket: string, objectName: string, problem: string, options?: ErrorOptions) {
    super(`${describeObject(bucket, objectName)}: ${problem}`, options);
    this.bucket = bucket;
    this.objectName = objectName;
  }
}

/** An object was replaced or deleted while it was read; reading again gives what is there now. */
export class ObjectChangedError extends Error {
  /** The class name. */
  override readonly name = "ObjectChangedError";
  /** The object store's name. */
  readonly bucket: string;
  /** The object's name. */
  readonly objectName: string;

  /** Names the object. */
  constructor(bucket: string, objectName: string, options?: ErrorOptions) {
    super(
      `${describeObject(bucket, objectName)} was replaced or deleted while it was read`,
      options,
    );
    this.bucket = bucket;
    this.objectName = objectName;
  }
}

/** A link of an object store does not lead to an object: it goes in a circle, or names a whole bucket. */
export class ObjectLinkError extends Error {
  /** The class name. */
  override readonly name = "ObjectLinkError";
  /** The object store's name. */
  readonly bucket: string;
  /** The link's name. */
  readonly objectName: string;

  /** Names the link and what is wrong with it. */
  constructor(bucket: string, objectName: string, problem: string, options?: ErrorOptions) {
    super(
      `link ${JSON.stringify(objectName)} of object store ${JSON.stringify(bucket)}: ${problem}`,
      options,
    );
    this.bucket = bucket;
    this.objectName = objectName;
  }
}
