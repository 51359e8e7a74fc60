/**
 * How far an upload has got, for its caller.
 *
 * @module
 */
import type { Delivery } from "./_delivery.ts";
import type { SourceFeed } from "./_chunk_feed.ts";
import type { CheckedPublishOptions } from "./publish_options.ts";

/** Counts what was sent and confirmed, and tells the caller. */
export class ProgressTracker {
  readonly #totalBytes: number;
  readonly #options: CheckedPublishOptions;
  #feed: SourceFeed | undefined;
  #sentBytes = 0;
  #confirmedBytes = 0;
  #confirmedChunks = 0;

  constructor(totalBytes: number, options: CheckedPublishOptions) {
    this.#totalBytes = totalBytes;
    this.#options = options;
  }

  get hasBegun(): boolean {
    return this.#feed !== undefined;
  }

  get state(): { uploadId: string; confirmedChunks: number; chunkCount: number } {
    const { uploadId } = this.#options;
    return {
      uploadId,
      confirmedChunks: this.#confirmedChunks,
      chunkCount: this.#feed?.chunkCount ?? 0,
    };
  }

  begin(feed: SourceFeed): void {
    this.#feed = feed;
  }

  delivery(subject: string, feed: SourceFeed): Delivery {
    const { window, timeout, signal } = this.#options;
    let sentUpTo = 0;
    return {
      subject,
      feed,
      window,
      timeout,
      signal,
      onSent: (index) => {
        if (index < sentUpTo) return; // a repeat
        sentUpTo = index + 1;
        this.#sentBytes += feed.sizeOf(index);
        this.#report(index, feed.chunkCount);
      },
      onConfirmed: (index) => {
        this.#confirmedChunks++;
        this.#confirmedBytes += feed.sizeOf(index);
        this.#report(index, feed.chunkCount);
      },
    };
  }

  #report(chunkIndex: number, chunkCount: number): void {
    this.#options.onProgress?.({
      uploadId: this.#options.uploadId,
      sentBytes: this.#sentBytes,
      confirmedBytes: this.#confirmedBytes,
      totalBytes: this.#totalBytes,
      chunkIndex,
      chunkCount,
    });
  }
}
