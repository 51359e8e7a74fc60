/**
 * How far an upload has got, for its caller: in numbers, and as a token to go on from.
 *
 * @module
 */
import type { ResumeStream, ResumeToken } from "../../_resume_token.ts";
import type { SourceFeed } from "./chunk_feed.ts";
import type { Delivery, StoredChunk } from "./delivery.ts";
import type { CheckedPublishOptions } from "../publish_options.ts";

/** What a token says that does not change while the upload goes on. */
export type UploadFacts = Pick<ResumeToken, "target" | "subject" | "layout" | "totalSize">;

/** Counts what was sent and confirmed, and tells the caller. */
export class ProgressTracker {
  readonly #facts: UploadFacts;
  readonly #options: CheckedPublishOptions;
  #feed: SourceFeed | undefined;
  #stream: ResumeStream | undefined;
  #sentBytes = 0;
  #confirmedBytes = 0;
  #confirmedChunks = 0;
  /** Every chunk below is confirmed. */
  #prefix = 0;
  /** What is confirmed above that. */
  readonly #above = new Set<number>();

  constructor(facts: UploadFacts, options: CheckedPublishOptions) {
    this.#facts = facts;
    this.#options = options;
  }

  get hasBegun(): boolean {
    return this.#feed !== undefined;
  }

  get state(): {
    uploadId: string;
    confirmedChunks: number;
    chunkCount: number;
    resumeToken: ResumeToken | undefined;
  } {
    const { uploadId } = this.#options;
    return {
      uploadId,
      confirmedChunks: this.#confirmedChunks,
      chunkCount: this.#feed?.chunkCount ?? 0,
      resumeToken: this.token(),
    };
  }

  /** @param stream Where the chunks go, as far as it is known; without a sequence of theirs yet. */
  begin(feed: SourceFeed, stream: ResumeStream | undefined): void {
    this.#feed = feed;
    this.#stream = stream;
  }

  /** A token for this moment; `undefined` where nobody confirms anything, or nothing has begun. */
  token(): ResumeToken | undefined {
    const feed = this.#feed;
    const { uploadId, filename, contentType, delivery, resume } = this.#options;
    if (delivery === "unconfirmed") return undefined;
    // Until the source is known to be the same one, there is nothing new to say.
    if (!feed || (resume && this.#prefix < resume.confirmedChunks)) return resume;
    if (this.#facts.target === "jetstream" && !this.#stream) return undefined;
    const { chunks, digest } = feed.prefix(this.#prefix);
    return {
      version: 1,
      ...this.#facts,
      uploadId,
      chunkSize: feed.chunkSize,
      confirmedChunks: chunks,
      ...(digest !== undefined && { digest }),
      ...(feed.digest !== undefined && { payloadDigest: feed.digest }),
      ...(filename !== undefined && { filename }),
      ...(contentType !== undefined && { contentType }),
      ...(this.#stream && { stream: { ...this.#stream } }),
      createdAt: Date.now(),
    };
  }

  delivery(feed: SourceFeed, subjectOf: (index: number) => string): Delivery {
    const { window, timeout, signal, resume } = this.#options;
    let sentUpTo = 0;
    return {
      subject: this.#facts.subject,
      subjectOf,
      feed,
      window,
      timeout,
      signal,
      resumedAt: resume?.confirmedChunks,
      onSent: (index) => {
        if (index < sentUpTo) return; // a repeat
        sentUpTo = index + 1;
        this.#sentBytes += feed.sizeOf(index);
        this.#report(index, feed);
      },
      onConfirmed: (index, stored) => {
        this.#confirmedChunks++;
        this.#confirmedBytes += feed.sizeOf(index);
        this.#sentBytes = Math.max(this.#sentBytes, this.#confirmedBytes); // an earlier call sent it
        if (stored) this.#noteStored(index, stored);
        this.#above.add(index);
        while (this.#above.delete(this.#prefix)) this.#prefix++;
        feed.confirmed(this.#prefix);
        this.#report(index, feed);
      },
    };
  }

  #noteStored(index: number, { stream: name, sequence }: StoredChunk): void {
    const { created, firstSequence = sequence, lastSequence = 0 } = this.#stream ?? {};
    this.#stream = {
      name,
      ...(created !== undefined && { created }),
      firstSequence: index === 0 ? sequence : firstSequence,
      lastSequence: Math.max(lastSequence, sequence),
    };
  }

  #report(chunkIndex: number, { chunkCount }: SourceFeed): void {
    const { onProgress, uploadId } = this.#options;
    if (!onProgress) return;
    const token = (): ResumeToken | undefined => this.token();
    onProgress({
      uploadId,
      sentBytes: this.#sentBytes,
      confirmedBytes: this.#confirmedBytes,
      totalBytes: this.#facts.totalSize,
      chunkIndex,
      chunkCount,
      get resumeToken() {
        return token();
      },
    });
  }
}
