/** What is known of an object without reading it. */
export interface ObjectInfo {
  /** The object store that it is in. */
  readonly bucket: string;
  /** Its name. */
  readonly name: string;
  /** Its size in bytes. */
  readonly size: number;
  /** The number of messages that hold its bytes. */
  readonly chunks: number;
  /** The SHA-256 of its bytes as `SHA-256=<base64url with padding>` (ADR-20). */
  readonly digest: string;
  /** The id of this version's bytes; every write makes a new one. */
  readonly nuid: string;
  /** The stream sequence of its metadata: it grows with every change. */
  readonly revision: number;
  /** When it was written. */
  readonly modified: Date;
  /** The description, empty if none was given. */
  readonly description: string;
  /** Headers, for people and programs. */
  readonly headers: Readonly<Record<string, readonly string[]>>;
  /** Metadata, for people and programs. */
  readonly metadata: Readonly<Record<string, string>>;
}
