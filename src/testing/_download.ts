/** Bounds of one download. */
export interface DownloadLimits {
  /** Until the first byte has come, in milliseconds. */
  firstByte: number;
  /** Between two pieces, in milliseconds. */
  idle: number;
  /** For all of it, in milliseconds. */
  total: number;
}

/** No release comes near this, in bytes. */
const MAX_BYTES = 128 * 1024 * 1024;

/**
 * Fetches a whole body within bounds. The bounds hold even where `fetch` takes no notice of its signal.
 *
 * @throws {Error} if the answer is not a 200, is too large, or a bound is passed; the message says which.
 */
export async function download(
  fetch: typeof globalThis.fetch,
  url: string,
  limits: DownloadLimits,
  signal?: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  const controller = new AbortController();
  const aborted = new Promise<never>((_, reject) => {
    controller.signal.addEventListener("abort", () => reject(controller.signal.reason));
  });
  aborted.catch(() => {});
  const giveUp = (bound: string, ms: number) => (): void =>
    controller.abort(new Error(`${url}: ${bound} within ${ms} ms`));
  const onAbort = (): void => controller.abort(signal!.reason);
  signal?.addEventListener("abort", onAbort, { once: true });
  if (signal?.aborted) onAbort();
  const total = setTimeout(giveUp("not complete", limits.total), limits.total);
  let idle = setTimeout(giveUp("no answer", limits.firstByte), limits.firstByte);
  try {
    const response = await Promise.race([fetch(url, { signal: controller.signal }), aborted]);
    if (response.status !== 200) {
      response.body?.cancel().catch(() => {});
      throw new Error(`${url}: HTTP status ${response.status}`);
    }
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    let size = 0;
    const reader = response.body!.getReader();
    try {
      while (true) {
        const { done, value } = await Promise.race([reader.read(), aborted]);
        if (done) break;
        clearTimeout(idle);
        idle = setTimeout(giveUp("nothing more", limits.idle), limits.idle);
        chunks.push(value);
        size += value.byteLength;
        if (size > MAX_BYTES) throw new Error(`${url}: more than ${MAX_BYTES} bytes`);
      }
    } catch (error) {
      reader.cancel(error).catch(() => {});
      throw error;
    }
    return new Uint8Array(await new Blob(chunks).arrayBuffer());
  } finally {
    clearTimeout(total);
    clearTimeout(idle);
    signal?.removeEventListener("abort", onAbort);
  }
}
