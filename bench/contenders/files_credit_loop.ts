/**
 * The least that a lossless transfer from file to file can be: the receiver acknowledges each chunk to an inbox of the
 * sender once it is written, and the sender keeps 16 MiB in flight. Both hash, and what is received gets its name when it
 * is on the disk. It trusts in one sender, one receiver and an unbroken connection.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { open, rename } from "node:fs/promises";
import { basename, join } from "node:path";
import { createInbox, headers } from "@nats-io/nats-core";
import type { FilesContender } from "./files_contender.ts";

const WINDOW = 16 * 1024 * 1024;
const DIGEST = "Digest";

/** Reads, hashes, publishes; takes in, hashes, writes. */
export const filesCreditLoop: FilesContender = {
  async send(nc, { subject, path, chunkSize }) {
    const most = Math.max(1, Math.floor(WINDOW / chunkSize));
    const hash = createHash("sha256");
    const reply = createInbox();
    let written = 0;
    let wake = (): void => {};
    const credits = nc.subscribe(reply, {
      callback: () => {
        written++;
        wake();
      },
    });
    const writtenUpTo = async (count: number): Promise<void> => {
      while (written < count) await new Promise<void>((resolve) => wake = resolve);
    };
    const file = await open(path);
    const { size } = await file.stat();
    const count = Math.ceil(size / chunkSize);
    for (let index = 0; index < count; index++) {
      await writtenUpTo(index + 1 - most);
      const chunk = new Uint8Array(Math.min(chunkSize, size - index * chunkSize));
      await file.read(chunk, 0, chunk.length, index * chunkSize);
      hash.update(chunk);
      const last = headers();
      if (index === count - 1) last.set(DIGEST, hash.digest("hex"));
      nc.publish(subject, chunk, { reply, headers: last });
    }
    await file.close();
    await writtenUpTo(count);
    credits.unsubscribe();
  },
  async receive(nc, { subject, path, folder }) {
    const subscription = nc.subscribe(subject);
    const write = async (): Promise<void> => {
      const hash = createHash("sha256");
      const name = join(folder, basename(path));
      const file = await open(`${name}.part`, "wx");
      for await (const message of subscription) {
        hash.update(message.data);
        await file.write(message.data);
        const digest = message.headers?.get(DIGEST);
        if (digest) {
          if (digest !== hash.digest("hex")) throw new Error("the digest differs");
          await file.sync();
          await file.close();
          await rename(`${name}.part`, name);
        }
        message.respond();
        if (digest) break;
      }
    };
    const done = write();
    await nc.flush();
    return { done };
  },
};
