/**
 * Large messages with fewer copies than the official protocol handler makes of them.
 *
 * @module
 */
import { takeBody } from "../_body_pool.ts";
import { isLent } from "../_lent.ts";

/** The members of the official parser that are used here. */
interface Parser {
  parse(bytes: Uint8Array): void;
  /** The body that is arriving, and its memory. */
  msgBuf?: { _buf?: Uint8Array };
  /** What the server said of the message. */
  ma?: { readonly size: number };
}

/** The members of the official protocol handler that are used here. */
interface Outgoing {
  readonly connected: boolean;
  readonly infoReceived: boolean;
  readonly transport?: { send(frame: Uint8Array): void };
  /** What waits to be sent. */
  readonly outbound: { buffers: Uint8Array[]; byteLength: number };
  flushPending(): void;
}

/**
 * Lets the parser of a connection reserve a body's memory when its first part comes: the server has said how long it will
 * be. By itself the parser doubles the memory piece by piece, which for a body of 2 MB allocates 8 MB and copies most of
 * it again, and keeps 4 MB for as long as the message lives.
 *
 * @param protocol The official protocol handler, which makes a new parser for each connection to a server.
 */
export function reserveBodies(protocol: { readonly parser?: Partial<Parser> }): void {
  const { parser } = protocol;
  const parse = parser?.parse?.bind(parser);
  if (!parser || !parse) return;
  parser.parse = (bytes) => {
    parse(bytes);
    const { msgBuf, ma } = parser;
    const begun = msgBuf?._buf;
    if (!msgBuf || !begun || !ma || begun.buffer.byteLength >= ma.size) return;
    const whole = takeBody(ma.size);
    whole.set(begun);
    msgBuf._buf = whole.subarray(0, begun.length);
  };
}

/**
 * Hands lent bytes to the socket as they are. By itself the protocol handler packs everything into new memory, which for
 * bodies of 2 MB is garbage that the runtime collects late.
 *
 * @param protocol The official protocol handler.
 */
export function sendLentBytes(protocol: Outgoing): void {
  const flush = protocol.flushPending.bind(protocol);
  protocol.flushPending = () => {
    const { outbound, transport } = protocol;
    const isReady = protocol.connected && protocol.infoReceived;
    if (!isReady || !transport || !outbound.buffers.some(isLent)) return flush();
    const pending = outbound.buffers.splice(0);
    outbound.byteLength = 0;
    let packed: Uint8Array[] = [];
    const sendPacked = (): void => {
      if (packed.length > 0) transport.send(pack(packed));
      packed = [];
    };
    for (const bytes of pending) {
      if (isLent(bytes)) {
        sendPacked();
        transport.send(bytes);
      } else {
        packed.push(bytes);
      }
    }
    sendPacked();
  };
}

function pack(parts: readonly Uint8Array[]): Uint8Array {
  const packed = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const part of parts) {
    packed.set(part, offset);
    offset += part.length;
  }
  return packed;
}
