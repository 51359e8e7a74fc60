/**
 * An HTTP endpoint that streams a request's body into a stream of NATS, and another one that streams the next upload
 * out again. Neither holds more than a few chunks, and a slow client slows its own transfer down, nobody else's.
 *
 * Needs a NATS server with JetStream at NATS_URL, or at 127.0.0.1:4222.
 */
import process from "node:process";
import { jetstream } from "@nats-io/jetstream";
import { connect, ensureChunkedStream, publishChunked, receiveChunked } from "@natskit/natskit";

const nc = await connect({ servers: process.env["NATS_URL"] ?? "nats://127.0.0.1:4222" });
const inbox = { stream: "EXAMPLE_HTTP", consumer: "downloads" };
await ensureChunkedStream(nc, { ...inbox, subjects: ["example.http"] });

/** `PUT /name`: answers when every byte is stored. */
async function takeIn(request: Request, filename: string): Promise<Response> {
  const size = Number(request.headers.get("content-length"));
  if (!request.body || !Number.isSafeInteger(size) || size <= 0) {
    return new Response("Content-Length is wanted", { status: 411 });
  }
  const receipt = await publishChunked(jetstream(nc), "example.http", request.body, {
    size,
    filename,
  }); // a client that goes away ends the body early, and so the upload
  return Response.json(receipt, { status: 201 });
}

/** How long a client waits for an upload. */
const PATIENCE_MS = 25_000;

/** `GET /`: the next upload. It is acknowledged when the client has read all of it, and offered again if not. */
async function giveOut(): Promise<Response> {
  const response = Promise.withResolvers<Response>();
  const late = setTimeout(() => {
    response.resolve(new Response("there is no upload", { status: 504 }));
  }, PATIENCE_MS);
  const receiver = await receiveChunked({ nc, ...inbox }, async (stream, context) => {
    const pipe = new TransformStream<Uint8Array, Uint8Array>();
    response.resolve(
      new Response(pipe.readable, {
        headers: {
          "content-length": String(context.size),
          "content-disposition": `attachment; filename*=UTF-8''${
            encodeURIComponent(context.filename ?? context.uploadId)
          }`,
        },
      }),
    );
    await stream.pipeTo(pipe.writable, { signal: context.signal });
  }, { maxUploads: 1 });
  const answer = await response.promise.finally(() => clearTimeout(late));
  void receiver.stop(); // takes no other one, and finishes this one
  return answer;
}

const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, (request) => {
  const name = decodeURIComponent(new URL(request.url).pathname.slice(1));
  if (request.method === "PUT") return takeIn(request, name);
  if (request.method === "GET") return giveOut();
  return new Response("PUT or GET is wanted", { status: 405 });
});

// Two clients.
const url = `http://127.0.0.1:${server.addr.port}`;
const put = await fetch(`${url}/report.bin`, { method: "PUT", body: new Uint8Array(6_000_000) });
console.log(put.status, await put.json());
const got = await fetch(url);
console.log(got.headers.get("content-disposition"), (await got.bytes()).length);

await server.shutdown();
await nc.close();
