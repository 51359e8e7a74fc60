/**
 * What a page does with the `File` of an `<input type="file">`, read piece by piece while it is sent. In a browser,
 * `servers` is a `wss://` address; the rest is the same.
 *
 * Needs a NATS server at NATS_URL, or at 127.0.0.1:4222.
 */
import process from "node:process";
import { connect, publishChunked, receiveChunked } from "@natskit/natskit";

const servers = process.env["NATS_URL"] ?? "nats://127.0.0.1:4222";

/** The page. Its user may give up at any moment: `signal` ends the upload, and frees everything. */
async function upload(file: File, signal: AbortSignal): Promise<string> {
  const nc = await connect({ servers, name: "page" });
  try {
    const receipt = await publishChunked(nc, "example.pictures", file, {
      signal,
      headers: { "X-Album": "holidays" },
      onProgress: ({ confirmedBytes, totalBytes }) =>
        console.log(`${Math.round(100 * confirmedBytes / totalBytes)} %`),
    });
    return `${file.name} arrived: ${receipt.digest}`;
  } finally {
    await nc.close();
  }
}

// The service that receives it, with back-pressure up to the page.
const service = await connect({ servers, name: "service" });
await using _receiver = await receiveChunked(
  { nc: service, subject: "example.pictures" },
  async (stream, { filename, size, headers }) => {
    let bytes = 0;
    for await (const piece of stream) bytes += piece.length;
    console.log(`received ${filename}, ${bytes} of ${size} bytes, for ${headers.get("X-Album")}`);
  },
);

const picture = new File([new Uint8Array(4_000_000)], "beach.jpg", { type: "image/jpeg" });
console.log(await upload(picture, AbortSignal.timeout(60_000)));
await service.close();
