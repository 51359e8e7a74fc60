/** Uploads that were given up in the middle, for tests of how they are continued. */
import type { JetStreamClient } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/nats-core";
import {
  publishChunked,
  type PublishChunkedOptions,
  type ResumeToken,
} from "../../src/chunked/mod.ts";
import type { ByteSource } from "../../src/_source.ts";
import { failed } from "./_upload_world.ts";

/** What a process writes down and another one reads. */
export function throughJson(token: ResumeToken | undefined): ResumeToken {
  return JSON.parse(JSON.stringify(token)) as ResumeToken;
}

/** Sends until so many chunks are confirmed, then aborts. */
export async function interrupt(
  target: NatsConnection | JetStreamClient,
  subject: string,
  source: ByteSource,
  { after, ...options }: PublishChunkedOptions & { after: number },
): Promise<ResumeToken> {
  const controller = new AbortController();
  let confirmed = -1;
  let before = 0;
  const error = await failed(publishChunked(target, subject, source, {
    ...options,
    signal: controller.signal,
    onProgress: ({ confirmedBytes }) => {
      if (confirmedBytes > before || confirmed < 0) confirmed++;
      before = confirmedBytes;
      if (confirmed >= after) controller.abort(new Error("interrupted"));
    },
  }));
  return throughJson(error.resumeToken);
}
