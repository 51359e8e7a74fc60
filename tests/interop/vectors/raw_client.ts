/** A NATS client that writes header blocks as they are told, byte by byte. */
import { connect, type Socket } from "node:net";

const ENCODER = new TextEncoder();

/** A connection that only publishes. */
export interface RawClient extends AsyncDisposable {
  /** Publishes; `block` is the whole header block, `undefined` for a message without one. */
  publish(
    subject: string,
    reply: string | undefined,
    block: Uint8Array | undefined,
    body: Uint8Array,
  ): void;
}

/** Connects to a server without authentication; resolves when it has answered. */
export async function connectRaw(url: string): Promise<RawClient> {
  const { hostname, port } = new URL(url);
  const socket: Socket = connect(Number(port), hostname);
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    let text = "";
    socket.on("data", (data) => {
      text += data;
      if (text.includes("PONG")) resolve();
      // The server closes connections that do not answer.
      if (/\r\nPING\r\n/.test(`\r\n${data}`)) socket.write("PONG\r\n");
    });
    socket.write('CONNECT {"verbose":false,"pedantic":false,"headers":true}\r\nPING\r\n');
  });
  return {
    publish(subject, reply, block, body) {
      const address = reply === undefined ? subject : `${subject} ${reply}`;
      const line = block === undefined
        ? `PUB ${address} ${body.length}\r\n`
        : `HPUB ${address} ${block.length} ${block.length + body.length}\r\n`;
      for (const part of [ENCODER.encode(line), block, body, ENCODER.encode("\r\n")]) {
        if (part !== undefined) socket.write(part);
      }
    },
    [Symbol.asyncDispose]: () => new Promise((resolve) => socket.end(resolve)),
  };
}
