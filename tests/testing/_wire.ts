import { connect, type Socket } from "node:net";

/** The longest time that an answer may take, in milliseconds. */
const TIMEOUT = 5_000;

/** A client of a few lines, so that these tests depend on nothing but the server's own protocol. */
export class WireClient implements AsyncDisposable {
  readonly #socket: Socket;
  #received = Buffer.alloc(0);
  #changed: () => void = () => {};
  #ended: Error | undefined;
  #inboxes = 0;
  readonly #prefix = `_INBOX.${Math.random().toString(36).slice(2)}`;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (bytes) => {
      this.#received = Buffer.concat([this.#received, bytes as Uint8Array]);
      this.#changed();
    });
    const end = (error?: Error): void => {
      this.#ended ??= error ?? new Error("the server closed the connection");
      this.#changed();
    };
    socket.on("error", end);
    socket.on("close", () => end());
  }

  /** Connects and signs in; rejects with the server's own `-ERR` text if it refuses. */
  static async connect(url: string, auth: Record<string, string> = {}): Promise<WireClient> {
    const { hostname, port } = new URL(url);
    const client = new WireClient(connect({ host: hostname, port: Number(port) }));
    try {
      await client.#line(/^INFO .*$/);
      client.#socket.write(
        `CONNECT ${
          JSON.stringify({
            verbose: false,
            pedantic: false,
            headers: true,
            no_responders: true,
            ...auth,
          })
        }\r\n`,
      );
      await client.ping();
      return client;
    } catch (error) {
      client.#socket.destroy();
      throw error;
    }
  }

  /** Resolves when the server has answered a PING. */
  async ping(): Promise<void> {
    this.#socket.write("PING\r\n");
    await this.#line(/^PONG$/);
  }

  /** Sends a request and gives back the body of the first answer. */
  async request(subject: string, body: string | Uint8Array = ""): Promise<string> {
    const inbox = `${this.#prefix}.${++this.#inboxes}`;
    const id = this.#inboxes;
    const bytes = Buffer.from(body as string);
    this.#socket.write(
      `SUB ${inbox} ${id}\r\nUNSUB ${id} 1\r\nPUB ${subject} ${inbox} ${bytes.length}\r\n`,
    );
    this.#socket.write(bytes);
    this.#socket.write("\r\n");
    const [, kind, header, total] = await this.#line(
      new RegExp(`^(MSG|HMSG) ${inbox} ${id} (?:(\\d+) )?(\\d+)$`),
    );
    const message = await this.#take(Number(total) + 2);
    const text = message.subarray(0, -2).toString();
    if (kind === "HMSG") {
      const status = text.slice(0, Number(header)).split("\r\n")[0]!;
      if (status.includes(" 503")) throw new Error(`no responders for ${subject}`);
      return text.slice(Number(header));
    }
    return text;
  }

  /** Sends a JetStream API request and gives back the answer; an error answer rejects with its description. */
  // deno-lint-ignore no-explicit-any -- the answers are looked into freely, field by field
  async api(name: string, config?: unknown): Promise<any> {
    const answer = await this.request(
      `$JS.API.${name}`,
      config === undefined ? "" : JSON.stringify(config),
    );
    const parsed = JSON.parse(answer);
    if (parsed.error) throw new Error(parsed.error.description);
    return parsed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#socket.destroy();
    return Promise.resolve();
  }

  /** Waits for a line that matches; other lines are passed over, and `-ERR` rejects. */
  async #line(pattern: RegExp): Promise<RegExpExecArray> {
    const deadline = Date.now() + TIMEOUT;
    while (true) {
      const end = this.#received.indexOf("\r\n");
      if (end >= 0) {
        const line = this.#received.subarray(0, end).toString();
        this.#received = this.#received.subarray(end + 2);
        if (line.startsWith("-ERR")) throw new Error(line);
        const found = pattern.exec(line);
        if (found) return found;
      } else {
        await this.#more(deadline, `no line ${pattern}`);
      }
    }
  }

  async #take(count: number): Promise<Buffer> {
    const deadline = Date.now() + TIMEOUT;
    while (this.#received.length < count) await this.#more(deadline, `no ${count} bytes`);
    const taken = this.#received.subarray(0, count);
    this.#received = this.#received.subarray(count);
    return taken;
  }

  async #more(deadline: number, missing: string): Promise<void> {
    if (this.#ended) throw this.#ended;
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve, reject) => {
      this.#changed = resolve;
      timer = setTimeout(
        () => reject(new Error(`${missing} within ${TIMEOUT} ms`)),
        Math.max(0, deadline - Date.now()),
      );
    }).finally(() => clearTimeout(timer));
  }
}
