/** What the tests of files and folders share. */
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { headers } from "@nats-io/nats-core";
import type { UploadContext } from "../../src/_upload.ts";

/** A folder of its own, removed at the end of the scope. */
export interface Folder extends Disposable {
  readonly path: string;
  /** The path of something in it. */
  at(name: string): string;
  /** The names in it, hidden ones too, sorted. */
  names(): string[];
  /** What a file in it says. */
  text(name: string): string;
}

export function makeFolder(): Folder {
  const path = mkdtempSync(join(tmpdir(), "natskit-files-"));
  return {
    path,
    at: (name) => join(path, name),
    names: () => readdirSync(path).sort(),
    text: (name) => readFileSync(join(path, name), "utf8"),
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}

/** What a receiver says of an upload. */
export function someContext(given: Partial<UploadContext> = {}): UploadContext {
  return {
    uploadId: crypto.randomUUID(),
    size: 0,
    filename: undefined,
    contentType: undefined,
    headers: headers(),
    subject: "uploads",
    deliveryCount: 1,
    signal: new AbortController().signal,
    ...given,
  };
}

/** An upload with this text, in pieces of three bytes. */
export function textUpload(
  text: string,
  given: Partial<UploadContext> = {},
): [ReadableStream<Uint8Array>, UploadContext] {
  const bytes = new TextEncoder().encode(text);
  let start = 0;
  const stream = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      if (start >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(start, start += 3));
    },
  });
  return [stream, someContext({ size: bytes.length, ...given })];
}

/** A stream that is fed by hand. */
export function openStream(): {
  stream: ReadableStream<Uint8Array>;
  send(text: string): void;
  close(): void;
  fail(error: unknown): void;
  cancelled: Promise<unknown>;
} {
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  const cancelled = Promise.withResolvers<unknown>();
  const stream = new ReadableStream<Uint8Array>({
    start: (given) => void (controller = given),
    cancel: cancelled.resolve,
  });
  return {
    stream,
    send: (text) => controller.enqueue(new TextEncoder().encode(text)),
    close: () => controller.close(),
    fail: (error) => controller.error(error),
    cancelled: cancelled.promise,
  };
}

/** How many files of this path the process has open. */
export function countOpen(path: string): number {
  let count = 0;
  for (const entry of readdirSync("/proc/self/fd")) {
    try {
      if (readlinkSync(`/proc/self/fd/${entry}`).startsWith(path)) count++;
    } catch {
      // The descriptor that lists the folder is gone by now.
    }
  }
  return count;
}
